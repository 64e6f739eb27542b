import { mkdtemp, rename, rm, symlink, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApplianceStatus, DesiredAppliance } from '../../../src/host/protocol.ts';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import { INSTALLED_PATH, readInstalledFrom } from '../../../src/hostd/guest/installed.ts';
import {
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
  startHost,
  type TestHost,
} from '../../integration/hostd/fixtures.ts';
import { describeUnless } from '../../skip.ts';
import { buildGuestImage, type GuestImage } from '../guest-vm.ts';
import { isQemu, killAndWait, processesNaming } from '../processes.ts';
import { holdGuest } from './layers.ts';
import { noQemu, Scene } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const limitMs = 400_000;
const patience = { timeoutMs: 120_000 };
const never = new AbortController().signal;

/** One story: an appliance whose agent is that of another VM, and then its own again. */
describeUnless(noQemu, 'an agent that is asked who it is', () => {
  let directory: string;
  let certificates: Certificates;
  let image: GuestImage;
  let host: TestHost;
  let scene: Scene;
  let stranger: VmSpec;
  let desired: DesiredAppliance;
  let well: ApplianceStatus;

  beforeAll(async () => {
    image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    directory = await mkdtemp(join(tmpdir(), 'coppice-identity-'));
    certificates = await createCertificates();
    scene = await Scene.create();
    await startDaemon();
    const made = await holdGuest(image, (sha256, desired) => host.client.putImport(sha256, desired));
    const plain = applianceOf(made.layer, made);
    const container = { type: 'static-site', port: 80, documentRoot: '/srv/www' } as const;
    desired = { ...plain, service: { ...plain.service, container } };
    await host.client.putAppliance(desired);
    well = await untilAvailable();
  });
  afterAll(async () => {
    await host?.close();
    await scene?.close();
    for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
    await rm(directory, { recursive: true, force: true });
  });

  const startDaemon = async () => {
    host = await startHost(directory, certificates, {
      driver: 'qemu',
      fileRoots: [dirname(image.disk)],
      overrides: { reserveBytes: 0 },
    });
  };
  const untilStatus = (holds: (status: ApplianceStatus) => boolean) =>
    eventually(
      async () => {
        const status = await host.client.getAppliance(desired.uuid);
        return status !== undefined && holds(status) ? status : undefined;
      },
      () => host.client.getAppliance(desired.uuid),
      limitMs,
    );
  const untilAvailable = () =>
    untilStatus(({ serviceState, problem }) => serviceState === 'ServiceAvailable' && problem === undefined);
  const agentSocket = () => join(host.stateDir, 'appliances', desired.uuid, 'agent.sock');

  const crossAgents = async () => {
    await rename(agentSocket(), `${agentSocket()}.own`);
    await symlink(join(stranger.directory, 'agent.sock'), agentSocket());
  };

  it('tells its uuid by SMBIOS, and nothing where its kernel has none', async () => {
    const { vm, guest } = await scene.running();
    stranger = vm;
    expect((await readInstalledFrom(guest, never)).uuids).toEqual([vm.uuid]);
    const hide = 'mount -t tmpfs hidden /sys/class/dmi';
    expect((await guest.exec(['/bin/sh', '-c', hide], patience)).exitCode).toBe(0);
    expect((await readInstalledFrom(guest, never)).uuids).toEqual([]);
    expect((await guest.exec(['umount', '/sys/class/dmi'], patience)).exitCode).toBe(0);
    guest.close();
  });

  it('is left alone when it is that of another VM, whatever changes and whichever daemon asks', async () => {
    await host.close();
    await crossAgents();
    await startDaemon();
    const parameters = { hostname: 'changed', env: { SECRET: 'not for strangers' } };
    desired = { ...desired, generation: 2, service: { ...desired.service, parameters } };
    await host.client.putAppliance(desired);
    const expectRefused = async () => {
      const tried = ({ steps }: ApplianceStatus) => steps.find(({ name }) => name === 'Agent')?.attempts ?? 0;
      const { problem, vm } = await untilStatus(
        (status) => status.problem?.reason === 'WrongGuest' && tried(status) > 1,
      );
      expect(problem).toMatchObject({
        reason: 'WrongGuest',
        message: expect.stringMatching(`its uuid is ${stranger.uuid}, and not ${desired.uuid}`),
        retryAt: expect.anything(),
      });
      expect(vm.pid).toBe(well.vm.pid);
    };
    await expectRefused();
    await host.close();
    await startDaemon();
    await expectRefused();
    await host.close();
    const guest = scene.driver.guest(stranger.uuid, stranger.directory);
    const traces = await guest.exec(
      ['/bin/sh', '-c', `ls -d ${dirname(INSTALLED_PATH)}; hostname`],
      patience,
    );
    expect(traces.stdout).toBe('coppice\n');
    guest.close();
  });

  it('is configured when it is the own one again', async () => {
    await unlink(agentSocket());
    await rename(`${agentSocket()}.own`, agentSocket());
    await startDaemon();
    const status = await untilAvailable();
    expect(status).toMatchObject({ generation: 2, vm: { pid: well.vm.pid }, endpoints: well.endpoints });
  });

  it('is not told to power off when it is that of another VM, though its own VM shall stop', async () => {
    await host.close();
    await crossAgents();
    await startDaemon();
    desired = { ...desired, generation: 3, powerState: 'Stopped' };
    await host.client.putAppliance(desired);
    await untilStatus(({ vm }) => vm.state === 'Absent');
    await host.close();
    expect(await scene.state(stranger)).toBe('Running');
    const guest = scene.driver.guest(stranger.uuid, stranger.directory);
    await guest.ping(patience.timeoutMs);
    guest.close();
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApplianceStatus, DesiredAppliance } from '../../../src/host/protocol.ts';
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
import { isQemu, processesNaming } from '../processes.ts';
import { holdGuest, type OnLayers } from './layers.ts';
import { noQemu } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const limitMs = 400_000;

/** Serves /cgi-bin/panic, which ends the guest's kernel, and /boots, a line for each start of this guest on this disk. */
const SERVER = `rm -rf /run/site && mkdir -p /run/site/cgi-bin
printf '#!/bin/sh\\necho c >/proc/sysrq-trigger\\n' >/run/site/cgi-bin/panic
chmod 0755 /run/site/cgi-bin/panic
echo started >>/srv/boots && sync && cp /srv/boots /run/site/boots
exec httpd -f -p 8080 -h /run/site`;

describeUnless(noQemu, 'a VM of QEMU that no longer runs, while its QEMU holds its port', () => {
  let directory: string;
  let certificates: Certificates;
  let image: GuestImage;
  let host: TestHost;
  let made: OnLayers;
  let desired: DesiredAppliance;
  let port: number;

  beforeAll(async () => {
    image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    directory = await mkdtemp(join(tmpdir(), 'coppice-crashed-'));
    certificates = await createCertificates();
    await startDaemon();
    made = await holdGuest(image, (sha256, desired) => host.client.putImport(sha256, desired));
    desired = applianceOf(made.layer, {
      ...made,
      network: { mode: 'user', ports: [{ name: 'http', guestPort: 8080 }] },
      service: {
        name: 'site',
        container: { type: 'command', port: 8080 },
        parameters: { command: ['/bin/sh', '-c', SERVER], probe: { kind: 'http', path: '/boots' } },
      },
    });
    await host.client.putAppliance(desired);
    port = (await untilStatus(isAvailable)).endpoints[0]?.port ?? 0;
    expect(await get('boots')).toBe('started\n');
  });
  afterAll(async () => {
    for (const { pid } of await qemus()) process.kill(pid, 'SIGKILL');
    await host?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const startDaemon = async () => {
    host = await startHost(directory, certificates, {
      driver: 'qemu',
      fileRoots: [dirname(image.disk)],
      overrides: { reserveBytes: 0 },
    });
  };
  const change = async (part: Partial<DesiredAppliance>) => {
    desired = { ...desired, generation: desired.generation + 1, ...part };
    await host.client.putAppliance(desired);
  };
  const qemus = async () => (await processesNaming(desired.uuid)).filter(isQemu);
  const onlyPid = async () => {
    const [found, ...others] = await qemus();
    expect(others).toEqual([]);
    return found?.pid;
  };
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/${path}`, { signal: AbortSignal.timeout(10_000) });
    return answer.text();
  };
  const panic = () => expect(get('cgi-bin/panic')).rejects.toThrow();
  const untilStatus = (holds: (status: ApplianceStatus) => boolean) =>
    eventually(
      async () => {
        const status = await host.client.getAppliance(desired.uuid);
        return status !== undefined && holds(status) ? status : undefined;
      },
      () => host.client.getAppliance(desired.uuid),
      limitMs,
    );
  const isAvailable = ({ serviceState, problem, generation }: ApplianceStatus) =>
    serviceState === 'ServiceAvailable' && problem === undefined && generation === desired.generation;
  /** Whether the same disk serves at the same port again, in one VM that is another than `before`. */
  const expectStartedAgain = async (before: number | undefined, boots: number) => {
    const status = await untilStatus(
      (found) => isAvailable(found) && found.vm.state === 'Running' && found.vm.pid !== before,
    );
    expect(status.endpoints.map((each) => each.port)).toEqual([port]);
    expect(await get('boots')).toBe('started\n'.repeat(boots));
    expect(await onlyPid()).toBe(status.vm.pid);
  };

  it('is started again after its guest panicked, at the same port and on the same disk', async () => {
    const before = await onlyPid();
    await panic();
    const told = await untilStatus(({ problem }) => problem !== undefined);
    expect(told.problem).toMatchObject({ reason: 'GuestPanicked', retryAt: expect.anything() });
    await expectStartedAgain(before, 2);
  });

  it('is started again by the next daemon, when the guest panicked while there was none', async () => {
    const before = await onlyPid();
    await host.close();
    await panic();
    expect(await onlyPid()).toBe(before);
    await startDaemon();
    await expectStartedAgain(before, 3);
  });

  it('is ended and started again when its QEMU hangs', async () => {
    const before = await onlyPid();
    await change({ agentTimeoutSeconds: 15 });
    process.kill(before ?? 0, 'SIGSTOP');
    await untilStatus(({ vm }) => vm.pid !== before);
    await change({ agentTimeoutSeconds: 300 });
    await expectStartedAgain(before, 4);
  });

  it('is ended when it shall stop, though its QEMU hangs', async () => {
    process.kill((await onlyPid()) ?? 0, 'SIGSTOP');
    await change({ powerState: 'Stopped' });
    const stopped = await untilStatus(({ vm }) => vm.state === 'Absent');
    expect(stopped.steps).toContainEqual(expect.objectContaining({ name: 'Stop', state: 'Done' }));
    expect(await qemus()).toEqual([]);
  });
});

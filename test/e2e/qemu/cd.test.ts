import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApplianceStatus, DesiredAppliance } from '../../../src/host/protocol.ts';
import { locate } from '../../../src/hostd/programs.ts';
import {
  aDiskThatStarts,
  bootCodeThatWrites,
  GIVES_UP,
  makeBootableCd,
  makeCd,
} from '../../builders/disk-images.ts';
import {
  applianceOf,
  createCertificates,
  eventually,
  importFile,
  sourceFile,
  startHost,
  type TestHost,
  untilGone,
} from '../../integration/hostd/fixtures.ts';
import { describeUnless } from '../../skip.ts';
import { buildGuestImage } from '../guest-vm.ts';
import { isQemu, killAndWait, processesNaming } from '../processes.ts';
import { holdGuest, type OnLayers } from './layers.ts';
import { noQemu, noUefiGuest, Scene, until } from './scene.ts';

const noXorriso =
  (await locate('xorriso', process.env.PATH ?? '')) === undefined
    ? 'no xorriso in the PATH: `sh scripts/bootstrap.sh deps test` installs it on Debian'
    : undefined;

const repository = resolve(import.meta.dirname, '../../..');
const limitMs = 400_000;
const MIB = 1024 * 1024;

/** Serves what is on the CD, where the drive is, and what comes of writing to it. */
const SERVER = `mkdir -p /run/site /run/cd
modprobe -a ata_piix sr_mod isofs
n=0; until [ -b /dev/sr0 ] || [ $n -gt 100 ]; do n=$((n + 1)); usleep 100000; done
mount -t iso9660 -o ro /dev/sr0 /run/cd || exit 1
cp /run/cd/driver.txt /run/site/driver
echo "$(readlink -f /sys/block/sr0/device)" >/run/site/drive
dd if=/dev/zero of=/dev/sr0 bs=2048 count=1 2>/run/site/written && echo written >/run/site/written
exec httpd -f -p 8080 -h /run/site`;

describeUnless(noUefiGuest ?? noXorriso, 'a guest with a CD', () => {
  let directory: string;
  let host: TestHost;
  let guest: OnLayers;
  let cd: string;
  const path = () => join(directory, 'tools.iso');

  beforeAll(async () => {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest-uefi'), '--uefi');
    directory = await mkdtemp(join(tmpdir(), 'coppice-cd-'));
    await mkdir(join(directory, 'content'));
    await writeFile(join(directory, 'content/driver.txt'), 'from the CD\n');
    await makeCd(join(directory, 'content'), path());
    host = await startHost(directory, await createCertificates(), {
      driver: 'qemu',
      fileRoots: [dirname(image.disk), directory],
      overrides: { reserveBytes: 0 },
    });
    guest = await holdGuest(image, (sha256, desired) => host.client.putImport(sha256, desired));
    cd = await hold(await readFile(path()));
  });
  afterAll(async () => {
    await host?.close();
    for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
    await rm(directory, { recursive: true, force: true });
  });

  const hold = async (content: Buffer, name = 'tools.iso') =>
    await importFile(host.client, await sourceFile(directory, name, content), { kind: 'cd' });
  const untilStatus = (uuid: string, holds: (status: ApplianceStatus) => boolean) =>
    eventually(
      async () => {
        const status = await host.client.getAppliance(uuid);
        return status !== undefined && holds(status) ? status : undefined;
      },
      () => host.client.getAppliance(uuid),
      limitMs,
    );
  const served = async ({ accessPoints }: ApplianceStatus, name: string) => {
    const answer = await fetch(new URL(name, accessPoints[0]), { signal: AbortSignal.timeout(30_000) });
    return (await answer.text()).trim();
  };
  const applianceWith = (change: Partial<DesiredAppliance>) =>
    applianceOf(guest.layer, {
      ...guest,
      cd,
      resources: { cpuMillis: 1000, memoryBytes: 128 * MIB },
      network: { mode: 'user', ports: [{ name: 'http', guestPort: 8080 }] },
      service: {
        name: 'cd',
        container: { type: 'command', port: 8080 },
        parameters: { command: ['/bin/sh', '-c', SERVER], probe: { kind: 'http', path: '/written' } },
      },
      ...change,
    });

  it.each([
    ['the PC’s own controller', { mode: 'Incremental' }, /\/ata\d+\//],
    ['the SCSI controller of its disks', { mode: 'Incremental', bus: 'scsi' }, /\/virtio\d+\//],
  ] as const)('reads it, and cannot write it, in a drive at %s', async (_, disk, drive) => {
    const desired = applianceWith({ disk });
    await host.client.putAppliance(desired);
    const status = await untilStatus(desired.uuid, ({ serviceState }) => serviceState === 'ServiceAvailable');
    expect(await served(status, 'driver')).toBe('from the CD');
    expect(await served(status, 'drive')).toMatch(drive);
    expect(await served(status, 'written')).toMatch(/Read-only|not permitted/);
    const { heldBy = [], kind } = (await host.client.getLayer(cd)) ?? {};
    expect({ kind, heldBy }).toEqual({ kind: 'cd', heldBy: [desired.uuid] });

    const without = { ...desired, generation: 2, cd: undefined };
    await expect(host.client.putAppliance(without)).rejects.toMatchObject({
      problem: { reason: 'Immutable' },
    });
    await host.client.deleteAppliance(desired.uuid);
    await untilGone(host.client, desired.uuid);
    const sealed = await readFile(join(host.stateDir, 'layers', cd, 'blob'));
    expect(sealed.equals(await readFile(path()))).toBe(true);
  });

  it('is refused, with a sentence, when the file was cut off or is none', async () => {
    const whole = await readFile(path());
    const refusal = async (name: string, content: Buffer) => {
      const { sha256, url } = await sourceFile(directory, name, content);
      const ask = () => host.client.putImport(sha256, { kind: 'cd', url, template: 'default/cd' });
      return await eventually(async () => {
        const { state, problem, sources } = await ask();
        return state === 'Failed' ? (problem ?? sources[0]?.problem) : undefined;
      }, ask);
    };
    const reason = 'CdInvalid';
    await expect(refusal('short.iso', whole.subarray(0, 100 * 1024))).resolves.toMatchObject({
      reason,
      message: expect.stringMatching(/^CD .*ISO 9660 file system reaches to \d+ bytes.*ends at 102400 bytes/),
    });
    const disk = await readFile(join(repository, '.coppice/test-guest-uefi/disk.qcow2'));
    await expect(refusal('disk.iso', disk)).resolves.toMatchObject({
      reason,
      message: expect.stringMatching(/is a disk image \(qcow2\), not a CD .*a disk goes into source\.image/),
    });
  });
});

describeUnless(noQemu ?? noXorriso, 'firmware', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.create();
  });
  afterAll(() => scene?.close());

  it('starts from the CD when the disk’s boot code gives up, and not before', async () => {
    const cd = join(scene.root, 'boot.iso');
    await makeBootableCd(bootCodeThatWrites('started from the CD'), join(scene.root, 'content'), cd);
    const boots = async (code: Buffer) => {
      const raw = join(scene.root, 'disk.img');
      await writeFile(raw, aDiskThatStarts(code));
      const vm = await scene.vm({ cd, boot: { kind: 'firmware' } });
      await rm(vm.disk.path);
      await scene.driver.images.convert(raw, 'raw', vm.disk.path);
      await scene.driver.start(vm);
      const tail = () => scene.driver.consoleTail(vm.directory, 2000);
      await until('something starts', async () => /started from [^\n]*\n/.test(await tail()));
      return await tail();
    };
    expect(await boots(GIVES_UP)).toContain('started from the CD');
    expect(await boots(bootCodeThatWrites('started from the disk'))).not.toContain('CD');
  });
});

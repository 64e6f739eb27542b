import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HostClient } from '../../../src/host/client.ts';
import type { ApplianceStatus, DesiredAppliance } from '../../../src/host/protocol.ts';
import { UEFI_DIRECTORY } from '../../../src/hostd/drivers/qemu/uefi.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import {
  applianceOf,
  type Certificates,
  clientOf,
  createCertificates,
  eventually,
  importFile,
} from '../../integration/hostd/fixtures.ts';
import { bundled } from '../../programs.ts';
import { describeUnless } from '../../skip.ts';
import { buildUefiDisk } from '../guest-vm.ts';
import { isQemu, killAndWait, processesNaming } from '../processes.ts';
import { noQemu, noUefiGuest, Scene } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const CHILD = await bundled(new URL('../../integration/hostd/child.ts', import.meta.url));
const limitMs = 400_000;
const MIB = 1024 * 1024;

/** Marks the second disk when it finds it empty, and serves the mark, the disk's sectors and its bus, and which boot it is. */
const SERVER = `mkdir -p /run/site
found=$(grep -l coppice-data /sys/block/*/device/vpd_pg80 /sys/block/*/serial 2>/dev/null)
disk=\${found#/sys/block/} disk=\${disk%%/*}
read -r boot </proc/sys/kernel/random/boot_id
mark=$(dd if=/dev/$disk bs=64 count=1 2>/dev/null | tr -d '\\000')
if [ -z "$mark" ]; then
  mark=made-in-$boot
  printf '%s' "$mark" | dd of=/dev/$disk bs=64 conv=notrunc 2>/dev/null
  sync
fi
[ -d /sys/firmware/efi ] && firmware=uefi || firmware=bios
echo "$mark $boot $disk $(cat /sys/block/$disk/size) $firmware" >/run/site/facts
exec httpd -f -p 8080 -h /run/site`;

describeUnless(noUefiGuest, 'a guest that boots by UEFI, from disks at a SCSI controller', () => {
  let directory: string;
  let certificates: Certificates;
  let daemon: ChildProcess;
  let client: HostClient;
  let disk: string;

  beforeAll(async () => {
    disk = await buildUefiDisk(repository, join(repository, '.coppice/test-guest-uefi'));
    directory = await mkdtemp(join(tmpdir(), 'coppice-uefi-'));
    certificates = await createCertificates();
    await startDaemon();
  });
  afterAll(async () => {
    daemon?.kill('SIGKILL');
    for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
    await rm(directory, { recursive: true, force: true });
  });

  const startDaemon = async () => {
    const file = join(directory, 'certificates.json');
    await writeFile(file, JSON.stringify(certificates));
    const more = { driver: 'qemu', fileRoots: [dirname(disk), directory], overrides: { reserveBytes: 0 } };
    daemon = spawn(process.execPath, [CHILD, join(directory, 'state'), file, JSON.stringify(more)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (daemon.stdout === null) throw new Error('the daemon has no output');
    const [url] = (await once(createInterface({ input: daemon.stdout }), 'line')) as [string];
    client = clientOf(url, certificates);
  };
  const killDaemon = async () => {
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
  };
  const hold = async (path: string) => {
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    const file = { sha256, url: pathToFileURL(path).href };
    return await importFile(client, file, { template: 'default/uefi' });
  };
  const untilStatus = (uuid: string, holds: (status: ApplianceStatus) => boolean) =>
    eventually(
      async () => {
        const status = await client.getAppliance(uuid);
        return status !== undefined && holds(status) ? status : undefined;
      },
      () => client.getAppliance(uuid),
      limitMs,
    );
  const untilAvailable = ({ uuid, generation }: DesiredAppliance) =>
    untilStatus(
      uuid,
      (status) => status.serviceState === 'ServiceAvailable' && status.stateGeneration === generation,
    );
  const factsIn = async ({ accessPoints }: ApplianceStatus) => {
    const answer = await fetch(new URL('facts', accessPoints[0]), { signal: AbortSignal.timeout(30_000) });
    const [mark, boot, device, sectors, firmware] = (await answer.text()).trim().split(' ');
    return { mark, boot, device, bytes: Number(sectors) * 512, firmware };
  };
  const applianceOn = (layer: string, change: Partial<DesiredAppliance> = {}) =>
    applianceOf(layer, {
      disk: { mode: 'Incremental', bus: 'scsi', dataBytes: 8 * MIB },
      resources: { cpuMillis: 1000, memoryBytes: 256 * MIB },
      network: { mode: 'user', ports: [{ name: 'http', guestPort: 8080 }] },
      service: {
        name: 'facts',
        container: { type: 'command', port: 8080 },
        parameters: { command: ['/bin/sh', '-c', SERVER], probe: { kind: 'http', path: '/facts' } },
      },
      agentTimeoutSeconds: 300,
      serviceTimeoutSeconds: 600,
      ...change,
    });

  it('finds out that it must, and keeps variables and data over a kill of the daemon, a restart and growth', async () => {
    const layer = await hold(disk);
    const desired = applianceOn(layer);
    const folder = join(directory, 'state', 'appliances', desired.uuid);
    const variables = join(folder, 'efi-variables.fd');
    await client.putAppliance(desired);
    await untilStatus(desired.uuid, ({ vm }) => vm.state === 'Running');
    const { ino } = await stat(variables);
    await killDaemon();
    await startDaemon();
    const status = await untilAvailable(desired);
    const before = await factsIn(status);
    await expect(client.getLayer(layer)).resolves.toMatchObject({ firmware: ['uefi'] });
    expect(before).toMatchObject({
      mark: `made-in-${before.boot}`,
      device: expect.stringMatching(/^sd[ab]$/),
      bytes: 8 * MIB,
      firmware: 'uefi',
    });
    expect(status).toMatchObject({ dataDiskPath: join(folder, 'data.qcow2') });
    const fresh = await readFile(join(UEFI_DIRECTORY, 'OVMF_VARS_4M.fd'));
    expect(fresh.equals(await readFile(variables))).toBe(false);

    const larger = { ...desired, generation: 2, disk: { ...desired.disk, dataBytes: 16 * MIB } };
    await client.putAppliance(larger);
    const after = await factsIn(await untilAvailable(larger));
    expect(after).toMatchObject({ mark: before.mark, bytes: 16 * MIB, firmware: 'uefi' });
    expect(after.boot).not.toBe(before.boot);
    expect((await stat(variables)).ino).toBe(ino);

    const without = { ...larger, generation: 3, disk: { mode: 'Incremental', bus: 'scsi' } } as const;
    await expect(client.putAppliance(without)).rejects.toMatchObject({
      message: expect.stringMatching(/^the data disk of .* cannot shrink/),
    });
    await client.deleteAppliance(desired.uuid);
    await eventually(async () => (await client.getAppliance(desired.uuid)) === undefined);
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is refused, with a sentence and without a VM, when its image is for a BIOS alone', async () => {
    const image = join(directory, 'bios.img');
    await writeFile(image, aBootableDisk('bios', MIB));
    const desired = applianceOn(await hold(image), { boot: { kind: 'firmware', firmware: 'uefi' } });
    await client.putAppliance(desired);
    const { vm, problem } = await untilStatus(
      desired.uuid,
      (status) => status.problem?.reason === 'OtherFirmware',
    );
    expect(problem?.message).toMatch(/EFI system partition.* has a boot sector: make a new template/);
    expect(vm.state).toBe('Absent');
    await client.deleteAppliance(desired.uuid);
  });
});

describeUnless(noQemu, 'a VM without UEFI, or beside it', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.create({ uefiDirectory: '/nowhere' });
  });
  afterAll(() => scene?.close());

  it('does not start by UEFI on a host without it, which says so', async () => {
    const vm = await scene.vm({ boot: { kind: 'firmware', firmware: 'uefi' } });
    const message = expect.stringContaining('apt-get install ovmf');
    await expect(scene.driver.start(vm)).rejects.toMatchObject({ reason: 'UefiMissing', message });
    expect(await scene.state(vm)).toBeUndefined();
    const { capabilities } = await scene.driver.probe();
    expect(capabilities).toEqual(expect.arrayContaining(['dataDisk', 'scsiDisk']));
    expect(capabilities).not.toContain('uefi');
  });

  it('finds its second disk by its serial number on virtio, too', async () => {
    const path = join(scene.root, 'data.qcow2');
    await scene.driver.images.createEmpty(path, 8 * MIB);
    const { guest } = await scene.running({ dataDisk: { path, format: 'qcow2' } });
    const { stdout } = await guest.exec(['/bin/cat', '/sys/block/vdb/serial', '/sys/block/vdb/size'], {
      timeoutMs: 60_000,
    });
    expect(stdout).toBe(`coppice-data${(8 * MIB) / 512}\n`);
  });
});

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApplianceStatus, DesiredAppliance } from '../../../src/host/protocol.ts';
import { locate } from '../../../src/hostd/programs.ts';
import {
  applianceOf,
  type Certificates,
  createCertificates,
  eventually,
  importFile,
  startHost,
  type TestHost,
} from '../../integration/hostd/fixtures.ts';
import { describeUnless } from '../../skip.ts';
import { buildGuestImage, type GuestImage } from '../guest-vm.ts';
import { isQemu, killAndWait, processesNaming } from '../processes.ts';
import { holdGuest, type OnLayers } from './layers.ts';
import { noQemu } from './scene.ts';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../../..');
const limitMs = 400_000;
const MIB = 1024 * 1024;
const SEARCH = `${process.env.PATH}:/usr/sbin:/sbin`;
const noPartitions =
  (await locate('sfdisk', SEARCH)) === undefined
    ? 'no sfdisk in the PATH: `sh scripts/bootstrap.sh deps test` installs it on Debian'
    : undefined;

/** Serves the size, in KiB, that its file system had when it was started. */
const SERVER = `mkdir -p /run/site && df -Pk / | awk 'NR == 2 {print $2}' >/run/site/size
exec httpd -f -p 8080 -h /run/site`;

describeUnless(noQemu ?? noPartitions, 'a disk larger than its template', () => {
  let directory: string;
  let certificates: Certificates;
  let image: GuestImage;
  let host: TestHost;
  let made: OnLayers;

  beforeAll(async () => {
    image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    directory = await mkdtemp(join(tmpdir(), 'coppice-grow-'));
    certificates = await createCertificates();
    await startDaemon();
    made = await holdGuest(image, (sha256, desired) => host.client.putImport(sha256, desired));
  });
  afterAll(async () => {
    await host?.close();
    for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
    await rm(directory, { recursive: true, force: true });
  });

  const startDaemon = async () => {
    host = await startHost(directory, certificates, {
      driver: 'qemu',
      fileRoots: [dirname(image.disk), directory],
      overrides: { reserveBytes: 0 },
    });
  };
  const applianceWith = (change: Partial<DesiredAppliance>) =>
    applianceOf(made.layer, {
      ...made,
      disk: { mode: 'Incremental', sizeBytes: 256 * MIB },
      network: { mode: 'user', ports: [{ name: 'http', guestPort: 8080 }] },
      service: {
        name: 'size',
        container: { type: 'command', port: 8080 },
        parameters: { command: ['/bin/sh', '-c', SERVER], probe: { kind: 'http', path: '/size' } },
      },
      ...change,
    });
  const growOf = ({ steps }: ApplianceStatus) => steps.find(({ name }) => name === 'Grow');
  const untilStatus = (uuid: string, holds: (status: ApplianceStatus) => boolean) =>
    eventually(
      async () => {
        const status = await host.client.getAppliance(uuid);
        return status !== undefined && holds(status) ? status : undefined;
      },
      () => host.client.getAppliance(uuid),
      limitMs,
    );
  const untilAvailable = ({ uuid }: DesiredAppliance, generation = 1) =>
    untilStatus(
      uuid,
      (status) =>
        status.serviceState === 'ServiceAvailable' &&
        status.problem === undefined &&
        status.generation === generation,
    );
  /** Bytes of the file system in the guest, as its service found it. */
  const sizeIn = async ({ accessPoints }: ApplianceStatus) => {
    const answer = await fetch(new URL('size', accessPoints[0]), { signal: AbortSignal.timeout(10_000) });
    return Number(await answer.text()) * 1024;
  };
  /** A layer with the guest's root in the last partition of a GPT; `programs` of this machine are in it. */
  const partitioned = async (name: string, programs: readonly string[]) => {
    const [root, disk] = [join(directory, `${name}.root`), join(directory, `${name}.img`)];
    await run('qemu-img', ['convert', '-O', 'raw', image.disk, root]);
    for (const program of programs) await putProgram(root, program);
    const script = `PATH=$PATH:/usr/sbin:/sbin
truncate -s $(($(stat -c %s "$1") + 4 * 1024 * 1024)) "$2"
printf 'label: gpt\\n2048,2048\\n4096,+\\n' | sfdisk --quiet "$2"
dd if="$1" of="$2" bs=1M seek=2 conv=notrunc status=none`;
    await run('/bin/sh', ['-ec', script, 'test', root, disk]);
    const sha256 = createHash('sha256')
      .update(await readFile(disk))
      .digest('hex');
    const file = { sha256, url: pathToFileURL(disk).href };
    return await importFile(host.client, file, { template: 'default/partitioned' });
  };

  it('is larger for the service, from its first start', async () => {
    const desired = applianceWith({});
    await host.client.putAppliance(desired);
    const status = await untilAvailable(desired);
    expect(await sizeIn(status)).toBeGreaterThan(230 * MIB);
    expect(growOf(status)).toMatchObject({ state: 'Done' });
    expect(growOf(status)?.message).toBeUndefined();
  });

  it('is larger although the daemon ended while it was made so', async () => {
    const desired = applianceWith({});
    await host.client.putAppliance(desired);
    await untilStatus(desired.uuid, (status) => growOf(status) !== undefined);
    await host.close();
    await startDaemon();
    expect(await sizeIn(await untilAvailable(desired))).toBeGreaterThan(230 * MIB);
  });

  it('is larger with the root in a partition of a GPT', async () => {
    const desired = applianceWith({ layer: await partitioned('able', ['sfdisk', 'partx']) });
    await host.client.putAppliance(desired);
    const status = await untilAvailable(desired);
    expect(growOf(status)?.message).toBeUndefined();
    expect(await sizeIn(status)).toBeGreaterThan(230 * MIB);
  });

  it('is as before in a guest without the programs: the service is there, and the step says what is missing', async () => {
    const desired = applianceWith({ layer: await partitioned('unable', []) });
    const message = expect.stringContaining('the guest has no sfdisk (package fdisk or util-linux)');
    await host.client.putAppliance(desired);
    const status = await untilAvailable(desired);
    expect(growOf(status)).toMatchObject({ state: 'Done', message });
    expect(await sizeIn(status)).toBeLessThan(64 * MIB);
    await host.close();
    await startDaemon();
    const found = await untilAvailable(desired);
    expect(growOf(found)).toEqual(growOf(status));
    await host.client.putAppliance({ ...desired, generation: 2, powerState: 'Stopped' });
    await untilStatus(desired.uuid, ({ vm }) => vm.state === 'Absent');
    await host.client.putAppliance({ ...desired, generation: 3 });
    const again = growOf(await untilAvailable(desired, 3));
    expect(again).toMatchObject({ state: 'Done', message });
    expect(again?.startedAt).not.toBe(growOf(status)?.startedAt);
  });
});

/** Puts a program of this machine, which is of the guest's own release, into a guest's file system, with its libraries. */
async function putProgram(root: string, name: string): Promise<void> {
  const path = await locate(name, SEARCH);
  if (path === undefined) throw new Error(`there is no ${name}`);
  const { stdout } = await run('ldd', [path]);
  const libraries = [...stdout.matchAll(/=> (\/\S+)/g)].map(([, library = '']) => library);
  const files = [
    [path, `/usr/sbin/${name}`],
    ...libraries.map((library) => [library, `/usr/lib/x86_64-linux-gnu/${basename(library)}`]),
  ];
  for (const [from = '', to = ''] of files) {
    await run('debugfs', ['-w', '-R', `write ${from} ${to}`, root], { env: { PATH: SEARCH } });
    await run('debugfs', ['-w', '-R', `set_inode_field ${to} mode 0100755`, root], { env: { PATH: SEARCH } });
  }
}

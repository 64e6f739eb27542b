import { execFile } from 'node:child_process';
import { cp, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { NODE_FLAGS } from '../../src/main/node-flags.ts';
import { PROGRAM } from '../build/release.ts';

const run = promisify(execFile);

/** The parts of a release in the image; Dockerfile copies the same. */
export const FILES = ['package.json', 'LICENSE', 'THIRD_PARTY_LICENSES.txt', 'crds', 'lib'] as const;

/** Their folder in the image. */
export const HOME = '/opt/coppice';

export const ENTRYPOINT = ['/usr/local/bin/node', NODE_FLAGS, `${HOME}/${PROGRAM}`] as const;

/** A host's daemon rules over its machine's disks and processes; everything else has no rights at all. */
export const USERS = { operator: '65532:65532', host: '0:0' } as const;

/** Debian's packages for hosts. Dockerfile installs the eight whose names end the list; they bring the others, and its base has the first two. */
export const HOST_PACKAGES = [
  'util-linux',
  'gzip',
  'qemu-system-common',
  'qemu-system-data',
  'seabios',
  'qemu-system-x86',
  'qemu-utils',
  'iproute2',
  'ovmf',
  'xz-utils',
  'zstd',
  'bzip2',
  'xorriso',
] as const;
/**
 * The files of these packages that are copied: programs (`ip` connects VMs to a bridge, `prlimit` and `setpriv` give qemu-img its limits, the
 * packers unpack images, `xorriso` packs what cloud-init reads), modules, firmware.
 */
const HOST_FILES =
  /^(?:\/usr)?\/(bin\/(qemu-system-x86_64|qemu-img|ip|prlimit|setpriv|gzip|xz|zstd|bzip2|xorriso)|share\/(qemu|seabios)\/[^/]+|share\/OVMF\/OVMF_(CODE|VARS)(_4M)?\.fd|lib\/[^/]+\/qemu\/accel-[^/]+)$/;

/** Node and a release of Coppice, into the folder `root`. @param release folder that `makeRelease` made */
export async function addCoppice(release: string, root: string): Promise<void> {
  for (const file of FILES) await cp(join(release, file), join(root, HOME, file), { recursive: true });
  const node = join(root, 'usr/local/bin/node');
  await copyProgram(await realpath(process.execPath), root, node);
}

/** Copies the programs that hosts need from this machine's Debian packages into the folder `root`. */
export async function addHostPrograms(root: string): Promise<void> {
  const { stdout } = await run('dpkg-query', ['--listfiles', ...HOST_PACKAGES], { maxBuffer: 2 ** 24 });
  const files = [...new Set(stdout.split('\n'))].filter((path) => HOST_FILES.test(path));
  for (const file of files) {
    if ((await stat(file)).isDirectory()) continue;
    if (/\/bin\/|\.so$/.test(file)) await copyProgram(file, root, join(root, file));
    else await copyFile(file, join(root, file));
  }
}

/** The users of the image, and the folders that programs expect. */
export const ETC: Readonly<Record<string, string>> = {
  passwd: 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin\n',
  group: 'root:x:0:\nnonroot:x:65532:\n',
  'nsswitch.conf': 'hosts: files dns\n',
};

/** The program, the loader and every library that it is linked to, each where the loader looks for it. */
export async function copyProgram(program: string, root: string, target: string): Promise<void> {
  await copyFile(program, target);
  const stdout = await librariesOf(program);
  const missing = /^\s*(\S+) => not found/m.exec(stdout)?.[1];
  if (missing !== undefined) throw new Error(`${program} needs ${missing}, which is not installed`);
  for (const [, library = ''] of stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)) {
    await copyFile(library, join(root, library));
  }
}

/** The loader's output; empty for a program without a loader. */
async function librariesOf(program: string): Promise<string> {
  try {
    return (await run('ldd', [program])).stdout;
  } catch (error) {
    if (String((error as { stderr?: string }).stderr).includes('not a dynamic executable')) return '';
    throw error;
  }
}

async function copyFile(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(await realpath(from), to, { force: true });
}

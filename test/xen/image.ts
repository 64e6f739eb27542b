import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { locate } from '../../src/hostd/programs.ts';

export const repository = resolve(import.meta.dirname, '../..');

const needed = ['qemu-system-x86_64', 'qemu-img', 'setpriv', 'apt-get', 'dpkg-deb'] as const;
const missing = (
  await Promise.all(
    needed.map(async (name) => ((await locate(name, process.env.PATH ?? '')) === undefined ? [name] : [])),
  )
).flat();

// In CI a suite that silently tests nothing is worse than one that fails.
if (process.env.CI && missing.length > 0) throw new Error(`missing programs: ${missing.join(', ')}`);

/** Why no dom0 can run on this machine; undefined when one can. */
export const dom0IsImpossible: string | undefined =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? `dom0 is built for x86-64 Linux only, and this is ${process.platform} on ${process.arch}`
    : missing.length > 0
      ? `missing programs: ${missing.join(', ')}`
      : undefined;

/** The files that `image/build-dom0.sh` builds. */
export interface Dom0Image {
  readonly xen: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
}

/** All checkouts of a user share it, because the image contains nothing of this repository. */
function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'coppice', 'xen');
}

/** The compile cache of dom0's Node, so that a new dom0 does not compile again. */
export function compiledFolder(): string {
  return join(cacheFolder(), 'compiled');
}

/** Builds the image, or finds it in the user's cache. The builder's messages go to standard error. */
export async function buildDom0Image(): Promise<Dom0Image> {
  const folder = (await printed(join(import.meta.dirname, 'image/build-dom0.sh'), [cacheFolder()])).trim();
  await mkdir(compiledFolder(), { recursive: true });
  return {
    xen: join(folder, 'xen'),
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd.img'),
    disk: join(folder, 'disk.qcow2'),
  };
}

async function printed(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return Buffer.concat(chunks).toString();
}

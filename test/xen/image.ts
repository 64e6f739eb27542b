import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export const repository = resolve(import.meta.dirname, '../..');

/** The files that `image/build-dom0.sh` makes. */
export interface Dom0Image {
  readonly xen: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
}

/** One for all checkouts of a user: the image holds nothing of this repository. */
function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'coppice', 'xen');
}

/** What dom0's Node has compiled, so that not every dom0 does it anew: half of its start. */
export function compiledFolder(): string {
  return join(cacheFolder(), 'compiled');
}

/** Builds the image, or finds it in the user's cache; what the builder says goes to standard error. */
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

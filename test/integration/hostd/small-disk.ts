import { execFileSync } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';

/** Why this process cannot mount a small file system; undefined where it can. */
export const cannotMount =
  process.getuid?.() === 0 && mayUnshare()
    ? undefined
    : 'mounting a small disk needs root: run the tests as root';

function mayUnshare(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A file system of `bytes` below `directory`, gone after the work. That of the type `ramfs` has no limit, and no holes. */
export async function withSmallDisk(
  directory: string,
  bytes: number,
  work: (mount: string) => Promise<void>,
  type: 'tmpfs' | 'ramfs' = 'tmpfs',
): Promise<void> {
  const mount = join(directory, 'small');
  await mkdir(mount);
  execFileSync('mount', ['-t', type, '-o', `size=${bytes}`, 'coppice-test', mount]);
  try {
    await work(mount);
  } finally {
    execFileSync('umount', ['--lazy', mount]);
  }
}

/** Takes every byte that is left, for a file. */
export async function fill(path: string): Promise<void> {
  const file = await open(path, 'a');
  try {
    for (;;) await file.write(Buffer.alloc(4096));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
}

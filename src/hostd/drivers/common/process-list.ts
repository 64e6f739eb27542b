import { readdir, readFile } from 'node:fs/promises';
import { codeOf } from '../../errors/index.ts';

/** A running program, as /proc shows it. */
export type FoundProcess = { readonly pid: number; readonly arguments: readonly string[] };

/** Every process of this machine that we may look at; zombies, which have no arguments, are left out. */
export async function allProcesses(): Promise<readonly FoundProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(findProcess));
  return found.filter((process) => process !== undefined);
}

/** Undefined for what is not there, has no arguments (zombies, the kernel's own), or ends while we look. */
export async function findProcess(pid: number): Promise<FoundProcess | undefined> {
  const line = await readIfThere(`/proc/${pid}/cmdline`);
  const words = (line ?? '').split('\0').slice(0, -1);
  return words.length === 0 ? undefined : { pid, arguments: words };
}

/** The text of a file; undefined when there is none, or none that we may read. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isAway(error)) return undefined;
    throw error;
  }
}

/** Ended meanwhile, or of another user: in either case none of a driver's. */
export function isAway(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '');
}

import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { ifReadable, ifThere } from '../../files/if-there.ts';

/**
 * A process and the folder that it runs in. A process that was started in another mount namespace (in an earlier container,
 * say) may give the folder a name that means nothing here, so folders are compared by device and inode as well.
 */
export type PlacedProcess = { readonly pid: number; readonly directory: string };

/** The folder that a process runs in, by the name the process has for it; undefined when it ends meanwhile. */
export function folderOf(pid: number): Promise<string | undefined> {
  return ifReadable(readlink(cwdOf(pid)));
}

/** Whether the process runs in this folder. */
export async function runsIn({ pid, directory: itsOwn }: PlacedProcess, directory: string): Promise<boolean> {
  const here = await realPathOf(directory);
  // A VM whose folder was removed is still this VM, and must be found to be ended.
  if ([here, `${here} (deleted)`].includes(itsOwn)) return true;
  return isSameFolder(cwdOf(pid), directory);
}

/** Whether the process runs somewhere below this folder; in another mount namespace, only directly in it. */
export async function runsBelow(
  { pid, directory: itsOwn }: PlacedProcess,
  directory: string,
): Promise<boolean> {
  if (itsOwn.startsWith(`${await realPathOf(directory)}${sep}`)) return true;
  return isSameFolder(`${cwdOf(pid)}/..`, directory);
}

/**
 * Whether the VM that a process runs belongs to a daemon of Coppice, be it another one of this host: the process runs in a folder that
 * is named after the VM's uuid and has the driver's file in it. The file is not read: it may be anybody's, and never end.
 */
export async function runsForDaemon(
  { pid, directory }: PlacedProcess,
  uuid: string | undefined,
  file: string,
): Promise<boolean> {
  return basename(directory) === uuid && (await isFile(join(cwdOf(pid), file)));
}

/** Whether there is such a file, which may be looked at; it is not opened. */
export async function isFile(path: string): Promise<boolean> {
  return (await ifReadable(lstat(path)))?.isFile() ?? false;
}

function cwdOf(pid: number): string {
  return `/proc/${pid}/cwd`;
}

/** False when one of them does not exist, or may not be looked at. */
async function isSameFolder(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => ifReadable(stat(path, { bigint: true }))));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

async function realPathOf(directory: string): Promise<string> {
  return (await ifThere(realpath(directory))) ?? resolve(directory);
}

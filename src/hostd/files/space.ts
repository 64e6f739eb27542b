import { statfs } from 'node:fs/promises';
import { hostErrors } from '../errors/index.ts';

/** Free bytes for unprivileged users on the file system of `path`. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** Rejects with `DiskFull` unless `neededBytes` and the reserve for running VMs are free; resolves with what is free beside the reserve. */
export async function ensureSpace(
  directory: string,
  what: string,
  neededBytes: number,
  reserveBytes: number,
): Promise<number> {
  const free = await freeBytes(directory);
  if (free < neededBytes + reserveBytes)
    throw hostErrors.notEnoughSpace(what, neededBytes + reserveBytes, free);
  return free - reserveBytes;
}

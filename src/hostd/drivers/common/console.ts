import { open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { codeOf, hostErrors, messageOf } from '../../errors/index.ts';
import { ifThere } from '../../files/if-there.ts';

/** Longest console log. A guest that writes without end takes at most twice this much of the host's disk. */
export const longestConsoleBytes = 4 * 1024 * 1024;

/**
 * Opens the console of the VM in `directory`, unless it is open: `inUse` holds the folders of the VMs whose console is. Rejects with
 * `ConsoleUnavailable`, also when `open` rejects.
 */
export async function openExclusively<T extends Duplex>(
  inUse: Set<string>,
  directory: string,
  open: () => Promise<T>,
): Promise<T> {
  if (inUse.has(directory)) throw hostErrors.consoleUnavailable('somebody else is using it');
  inUse.add(directory);
  try {
    const console = await open();
    console.once('close', () => inUse.delete(directory));
    return console;
  } catch (error) {
    inUse.delete(directory);
    throw hostErrors.consoleUnavailable(messageOf(error));
  }
}

/** The last `bytes` of the files, concatenated with the oldest first. A file that does not exist counts as empty. */
export async function readTail(paths: readonly string[], bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let missing = bytes;
  for (const path of paths.toReversed()) {
    if (missing === 0) break;
    const part = await tailOf(path, missing);
    parts.unshift(part);
    missing -= part.length;
  }
  return Buffer.concat(parts);
}

/**
 * Empties a console log that grew too long, and keeps its end in `older`, which is overwritten. The program that writes the log may
 * go on: it appends, so after the cut it writes from the start. What it writes in between is lost.
 */
export async function boundConsole(path: string, older: string): Promise<void> {
  if ((await sizeOf(path)) <= longestConsoleBytes) return;
  await keepEnd(older, await tailOf(path, longestConsoleBytes));
  await truncate(path, 0);
}

/** When the disk is full, the log is emptied all the same, and its end is not kept. */
async function keepEnd(path: string, content: Buffer): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error;
    await rm(path, { force: true });
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await ifThere(stat(path)))?.size ?? 0;
}

async function tailOf(path: string, bytes: number): Promise<Buffer> {
  const size = await sizeOf(path);
  if (size === 0) return Buffer.alloc(0);
  const file = await open(path, 'r');
  try {
    const length = Math.min(size, bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

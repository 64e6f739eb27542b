import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hostErrors } from '../errors/index.ts';
import { syncDirectory, syncFile } from '../files/durable-files.ts';
import { ifThere } from '../files/if-there.ts';

/** Identifies a stored file: by its digest, and, at less cost, by size and time of change, which show that nobody touched it. */
export type StoredFile = { readonly sha256: string; readonly bytes: number; readonly modifiedMs: number };

const READ_ONLY = 0o444;

/** Makes a finished file read-only and flushes it. The caller stores the result before the file gets its final name. */
export async function sealFile(path: string, sha256: string): Promise<StoredFile> {
  await chmod(path, READ_ONLY);
  await syncFile(path);
  const { size, mtimeMs } = await stat(path);
  return { sha256, bytes: size, modifiedMs: mtimeMs };
}

/** Gives a sealed file its final name. */
export async function placeFile(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/**
 * Verifies a stored file: by size and time of change, and by its digest when these differ. False when the file does not exist;
 * rejects with `LayerCorrupt` when its content changed.
 */
export async function verifyFile(path: string, stored: StoredFile): Promise<boolean> {
  const found = await ifThere(stat(path));
  if (found === undefined) return false;
  if (found.size === stored.bytes && found.mtimeMs === stored.modifiedMs) return true;
  const actual = await digestOf(path);
  if (actual !== stored.sha256) throw hostErrors.layerCorrupt(path, stored.sha256, actual);
  return true;
}

export async function fileExists(path: string): Promise<boolean> {
  return (await ifThere(stat(path))) !== undefined;
}

export async function digestOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk);
  return hash.digest('hex');
}

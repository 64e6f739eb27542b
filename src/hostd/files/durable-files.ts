import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../errors/index.ts';
import { ifThere } from './if-there.ts';

/** Suffix of the names of unfinished files, which may be removed after a crash. */
export const PARTIAL_SUFFIX = '.partial';

/** Makes names in a directory durable: a power cut undoes a rename until the directory is flushed. */
export async function syncDirectory(directory: string): Promise<void> {
  await syncFile(directory);
}

export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a file so that after a crash at any point it has either the old or the new content, completely. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}${PARTIAL_SUFFIX}`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

export async function writeJsonDurably(path: string, value: unknown): Promise<void> {
  await writeDurably(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** The file's JSON; undefined when there is no file. Rejects with a `SyntaxError` when it is not JSON. */
export async function readJsonIfThere(path: string): Promise<unknown> {
  const content = await ifThere(readFile(path, 'utf8'));
  return content === undefined ? undefined : JSON.parse(content);
}

/** Gives a finished file its final name. Never overwrites: rejects with `EEXIST` when that name exists. */
export async function publishFile(temporary: string, path: string): Promise<void> {
  await syncFile(temporary);
  await link(temporary, path);
  await unlink(temporary);
  await syncDirectory(dirname(path));
}

/**
 * Removes unfinished files that a crash left in a directory, if their names begin with `beginning`: `.` selects those of
 * `writeDurably`. Nothing may be writing there now.
 */
export async function removeInterrupted(directory: string, beginning: '.' | ''): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(beginning) || !name.endsWith(PARTIAL_SUFFIX)) continue;
    await rm(join(directory, name), { force: true });
  }
}

/** Creates a directory, and its parents, durably. */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await syncDirectory(dirname(path));
}

/**
 * Removes a directory and all in it. It is first renamed with the suffix, and from then on counts as removed: after a crash, a folder
 * with that suffix is removed too. Not found: done.
 */
export async function removeDirectory(path: string, suffix: string): Promise<void> {
  const doomed = path + suffix;
  try {
    await rename(path, doomed);
    await syncDirectory(dirname(path));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  await rm(doomed, { recursive: true, force: true });
}

/** That of `stat`. */
const BLOCK_BYTES = 512;

/** What a file takes on the disk: holes take nothing. */
export async function allocatedBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * BLOCK_BYTES;
}

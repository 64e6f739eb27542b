import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../errors/index.ts';
import { ifThere } from './if-there.ts';

/** Ends the names of files that are still being written: whoever finds one after a crash may remove it. */
export const PARTIAL_SUFFIX = '.partial';

/** Makes names in a directory durable: a rename is lost by a power cut until its directory is flushed. */
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

/** Writes a file so that after a crash at any point either the old or the new content is there, whole. */
export async function writeDurably(path: string, content: string): Promise<void> {
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

/** The file's JSON, or undefined when there is no file. Rejects when it is not JSON. */
export async function readJsonIfThere(path: string): Promise<unknown> {
  const content = await ifThere(readFile(path, 'utf8'));
  return content === undefined ? undefined : JSON.parse(content);
}

/** Gives a finished file its final name, never in place of another: rejects with `EEXIST` when there is one. */
export async function publishFile(temporary: string, path: string): Promise<void> {
  await syncFile(temporary);
  await link(temporary, path);
  await unlink(temporary);
  await syncDirectory(dirname(path));
}

/**
 * Removes what was being written in a directory when a crash ended it, whose names begin so; nothing may be writing
 * there now. `.` are those of `writeDurably`.
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
 * Removes a directory with all in it: from its renaming on, by the suffix, it does not count any more, and whoever finds
 * it so after a crash removes the rest. Not there: done.
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

import { copyFileSync, fstatSync, ftruncateSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';

/** A longer log is cut; one older log is kept, so that a part's logs take twice as much. */
export const LONGEST_LOG_BYTES = 16 * 1024 * 1024;

/** Where what was cut off the log is kept. */
export function olderLog(path: string): string {
  return `${path}.1`;
}

/**
 * Moves the content of a log that has grown too long to its older log, while it stays open: all that is written to `fd` appends, what
 * Node itself writes when it dies too. Killed in between, the content is in both. Does nothing when `fd` is not this file. Where the
 * older log cannot be written (the disk is full, say), the content is lost, and the new log says so.
 */
export function cutLog(fd: number, path: string, longestBytes = LONGEST_LOG_BYTES): void {
  const { size, ino, dev } = fstatSync(fd);
  if (size <= longestBytes) return;
  const named = statSync(path, { throwIfNoEntry: false });
  if (named?.ino !== ino || named.dev !== dev) return;
  const copy = `${olderLog(path)}.new`;
  let problem: unknown;
  try {
    copyFileSync(path, copy);
    renameSync(copy, olderLog(path));
  } catch (error) {
    problem = error;
    rmSync(copy, { force: true });
  }
  ftruncateSync(fd, 0);
  if (problem !== undefined)
    writeSync(fd, `the log was emptied, as its content could not be kept: ${problem}\n`);
}

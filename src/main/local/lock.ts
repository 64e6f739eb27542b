import { mkdir } from 'node:fs/promises';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { tryFileLock } from '../../hostd/files/file-lock.ts';
import type { Layout } from './layout.ts';

const POLL_MS = 100;

/**
 * Runs `use` while no other command starts or ends parts of the same data directory. Waits up to `patienceMs` for one
 * that does, then rejects. A command that is killed lets go by itself.
 */
export async function withDataDir<T>(layout: Layout, use: () => Promise<T>, patienceMs = 0): Promise<T> {
  await mkdir(layout.root, { recursive: true });
  const deadline = deadlineIn(systemClock, patienceMs);
  let lock = await tryFileLock(layout.commandLock);
  while (lock === undefined) {
    if (isOver(systemClock, deadline)) {
      throw new Error(
        `another coppice command (up, down or demo) is at work on ${layout.root}: let it finish, or name another --data-dir`,
      );
    }
    await sleep(systemClock, POLL_MS);
    lock = await tryFileLock(layout.commandLock);
  }
  try {
    return await use();
  } finally {
    await lock.release();
  }
}

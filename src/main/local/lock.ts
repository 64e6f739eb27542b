import { mkdir } from 'node:fs/promises';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { tryFileLock } from '../../hostd/files/file-lock.ts';
import type { Layout } from './layout.ts';

const POLL_MS = 100;

/**
 * Runs `use` while no other command starts or stops parts of the same data directory. Waits up to `patienceMs` for such a command,
 * then rejects. The lock of a command that is killed is released by the kernel.
 */
export async function withDataDir<T>(layout: Layout, use: () => Promise<T>, patienceMs = 0): Promise<T> {
  await mkdir(layout.root, { recursive: true });
  const deadline = deadlineIn(systemClock, patienceMs);
  let lock = await tryFileLock(layout.commandLock);
  while (lock === undefined) {
    if (isOver(systemClock, deadline)) {
      throw new Error(
        `another coppice command (up, down or demo) is using ${layout.root}: wait until it ends, or name another folder with --data-dir`,
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

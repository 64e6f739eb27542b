import { mkdir } from 'node:fs/promises';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { type Lock, tryFileLock } from '../../hostd/files/file-lock.ts';
import type { Layout } from './layout.ts';

const POLL_MS = 100;
/** A supervisor holds the lock for as long as it takes to start a process. */
const PATIENCE_MS = 3000;

/**
 * Runs `use` while nobody else starts or stops parts of the same data directory. Waits up to `patienceMs` for another command, or for
 * the supervisor, then rejects. The lock of a command that is killed is released by the kernel.
 */
export async function withDataDir<T>(
  layout: Layout,
  use: () => Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  await mkdir(layout.root, { recursive: true });
  const lock = await lockWithin(layout.commandLock, patienceMs);
  if (lock === undefined) {
    throw new Error(
      `another coppice command (up, down or demo) is using ${layout.root}: wait until it ends, or name another folder with --data-dir`,
    );
  }
  try {
    return await use();
  } finally {
    await lock.release();
  }
}

/** Undefined when somebody else holds the lock for longer than `patienceMs`. */
export async function lockWithin(path: string, patienceMs: number): Promise<Lock | undefined> {
  const deadline = deadlineIn(systemClock, patienceMs);
  for (;;) {
    const lock = await tryFileLock(path);
    if (lock !== undefined || isOver(systemClock, deadline)) return lock;
    await sleep(systemClock, POLL_MS);
  }
}

import type PQueue from 'p-queue';

/**
 * Runs the work when its turn in the queue comes. Aborted while it waits: rejects at once. Aborted while it runs: the
 * work's own outcome is awaited, so that nothing is still under way when this settles (p-queue's own signal would
 * settle before the work has ended).
 */
export function queued<T>(queue: PQueue, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(signal.reason);
    signal.addEventListener('abort', abandon, { once: true });
    const turn = queue.add(async () => {
      signal.removeEventListener('abort', abandon);
      signal.throwIfAborted();
      return work();
    });
    turn.then(resolve, reject);
  });
}

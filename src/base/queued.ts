import type PQueue from 'p-queue';

/**
 * Runs the work when its turn in the queue comes. If the signal fires while it waits, this rejects at once. If the signal fires
 * while it runs, this still settles with the work's own outcome, so that nothing is under way afterwards (p-queue's own signal
 * would settle before the work has ended).
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

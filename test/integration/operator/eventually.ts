import { setTimeout as delay } from 'node:timers/promises';

/** Looks until the check holds and returns what it returns; fails with its last words when that takes too long. */
export async function eventually<T>(what: string, check: () => Promise<T>, timeoutMs = 100_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 1.2, 150)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`never came true: ${what}`, { cause: error });
    }
    await delay(pauseMs);
  }
}

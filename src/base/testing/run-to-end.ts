import { type FakeClock, settle } from './fake-clock.ts';

const STEP_MS = 100;

/**
 * Lets time pass, in steps of 100 ms and only while something waits for it, until `work` has ended. Resolves with its
 * result and the milliseconds that passed; rejects as it does.
 */
export async function runToEnd<T>(
  clock: FakeClock,
  work: Promise<T>,
): Promise<{ readonly result: T; readonly tookMs: number }> {
  const startedAt = clock.monotonic();
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  while (!isOver) {
    if (clock.timers > 0) await clock.advance(STEP_MS);
    else await settle();
  }
  return { result: await work, tookMs: clock.monotonic() - startedAt };
}

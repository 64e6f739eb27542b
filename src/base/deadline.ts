import { type Clock, sleep } from './clock.ts';

/** A point in monotonic time, in milliseconds, until which several calls together may last. */
export type Deadline = { readonly at: number; readonly totalMs: number };

export function deadlineIn(clock: Clock, totalMs: number): Deadline {
  return { at: clock.monotonic() + totalMs, totalMs };
}

/** Milliseconds that are left, never below zero. */
export function remaining(clock: Clock, deadline: Deadline): number {
  return Math.max(0, deadline.at - clock.monotonic());
}

/** Settles as `work` does, or resolves with 'late' after `ms`; `work` goes on and its result is dropped then. */
export async function orLate<T>(clock: Clock, work: Promise<T>, ms: number): Promise<T | 'late'> {
  const timer = new AbortController();
  const late = sleep(clock, ms, timer.signal).then(
    () => 'late' as const,
    () => 'late' as const,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

import type { Clock } from './clock.ts';

/**
 * The moment by which several calls together must be done. It only says how much time is left; `startTimeout` is the active
 * form, which aborts a signal when the time is over.
 */
export type Deadline = {
  /** In monotonic time, milliseconds. */
  readonly at: number;
  /** How long all of it may take, for messages. */
  readonly totalMs: number;
};

/** The deadline `totalMs` from now. */
export function deadlineIn(clock: Clock, totalMs: number): Deadline {
  return { at: clock.monotonic() + totalMs, totalMs };
}

/** Milliseconds that are left, never below zero. */
export function remaining(clock: Clock, deadline: Deadline): number {
  return Math.max(0, deadline.at - clock.monotonic());
}

/** Whether no time is left. */
export function isOver(clock: Clock, deadline: Deadline): boolean {
  return remaining(clock, deadline) === 0;
}

/** Settles as `work` does, or resolves with 'late' after `ms`. The work is not stopped; its later result is dropped. */
export function orLate<T>(clock: Clock, work: Promise<T>, ms: number): Promise<T | 'late'> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(ms, () => resolve('late'));
    work.then(resolve, reject).finally(cancel);
  });
}

import type { Clock } from './clock.ts';
import { deadlineIn, remaining } from './deadline.ts';

/** A time limit that aborts: its signal fires when the time is over, or when the caller's own signal fires. */
export interface Timeout {
  readonly signal: AbortSignal;
  /** Whether the time ended it, and not the caller. */
  expired(): boolean;
  /** Milliseconds left, never negative. */
  remainingMs(): number;
  /** Starts the time again from its full length: for a limit on silence, call it whenever something arrives. */
  extend(): void;
  /** Must be called in the end: frees the timer and the listener on the caller's signal. */
  clear(): void;
}

/** Starts a timeout `timeoutMs` from now. */
export function startTimeout(clock: Clock, timeoutMs: number, parent?: AbortSignal): Timeout {
  const controller = new AbortController();
  let isExpired = false;
  let deadline = deadlineIn(clock, parent?.aborted ? 0 : timeoutMs);
  let cancelTimer = () => {
    // Nothing is scheduled yet.
  };
  const expire = () => {
    isExpired = true;
    controller.abort(new Error(`no answer within ${timeoutMs} ms`));
  };
  const extend = () => {
    cancelTimer();
    deadline = deadlineIn(clock, timeoutMs);
    cancelTimer = clock.schedule(timeoutMs, expire);
  };
  const abort = () => controller.abort(parent?.reason);
  if (parent?.aborted) {
    abort();
  } else {
    extend();
    parent?.addEventListener('abort', abort, { once: true });
  }
  return {
    signal: controller.signal,
    expired: () => isExpired,
    remainingMs: () => remaining(clock, deadline),
    extend,
    clear: () => {
      cancelTimer();
      parent?.removeEventListener('abort', abort);
    },
  };
}

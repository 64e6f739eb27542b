import type { Clock } from './clock.ts';

/** An abort signal that fires when its time is over or the caller's own signal fires. */
export interface Timeout {
  readonly signal: AbortSignal;
  /** Whether it was the time that ended it, and not the caller. */
  expired(): boolean;
  /** Milliseconds left, never negative. */
  remainingMs(): number;
  /** Starts the time anew: for a timeout on silence, at every sign of life. */
  extend(): void;
  /** Must be called in the end: frees the timer and the listener on the caller's signal. */
  clear(): void;
}

/** Starts a timeout `timeoutMs` from now. */
export function startTimeout(clock: Clock, timeoutMs: number, parent?: AbortSignal): Timeout {
  const controller = new AbortController();
  let isExpired = false;
  let endsAt = 0;
  let cancelTimer = () => {
    // Nothing is scheduled yet.
  };
  const expire = () => {
    isExpired = true;
    controller.abort(new Error(`no answer within ${timeoutMs} ms`));
  };
  const extend = () => {
    cancelTimer();
    endsAt = clock.monotonic() + timeoutMs;
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
    remainingMs: () => Math.max(0, endsAt - clock.monotonic()),
    extend,
    clear: () => {
      cancelTimer();
      parent?.removeEventListener('abort', abort);
    },
  };
}

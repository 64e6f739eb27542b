/** Cancels what was scheduled. Calling it again, or after the call was made, does nothing. */
export type Cancel = () => void;

/** Time, as an interface that tests replace: they decide when it passes. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch: for time stamps, and for dates in certificates. It may jump. */
  now(): number;
  /** Milliseconds since some fixed moment. Never goes back, even if the wall clock is set: for durations and deadlines. */
  monotonic(): number;
  /** Calls `run` once, about `delayMs` from now; as soon as possible when that is negative. */
  schedule(delayMs: number, run: () => void): Cancel;
}

/** Uniform in [0, 1), like `Math.random`. */
export type Random = () => number;

/** Node fires longer timers immediately, so longer delays are cut to this (about 24.8 days). */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), longestTimerMs));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`; rejects with the signal's reason as soon as that fires. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** The instant `milliseconds` after the epoch as the API writes it: RFC 3339 with milliseconds, UTC. */
export function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

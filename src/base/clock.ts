/** Ends what was scheduled; calling it again, or after it ran, does nothing. */
export type Cancel = () => void;

/** Time as everything in this folder sees it, so that tests can hold it still. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch: for time stamps that others read. */
  now(): number;
  /** Milliseconds that only ever grow: for measuring durations, whatever is done to the wall clock. */
  monotonic(): number;
  /** Calls `run` once, about `delayMs` from now (at once when negative). */
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

/** Resolves after `delayMs`; rejects with the signal's reason as soon as it is aborted. */
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

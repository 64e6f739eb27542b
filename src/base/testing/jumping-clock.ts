import type { Clock } from '../clock.ts';

const HOUR_MS = 3_600_000;

/**
 * `clock`, but its wall time jumps at every reading: an hour ahead, an hour back, and so on. Durations and timers are
 * right. Whatever does not give the same result by it measures durations by the wall clock.
 */
export function jumpingClock(clock: Clock): Clock {
  let jumpMs = -HOUR_MS;
  return {
    now: () => {
      jumpMs = -jumpMs;
      return clock.now() + jumpMs;
    },
    monotonic: () => clock.monotonic(),
    schedule: (delayMs, run) => clock.schedule(delayMs, run),
  };
}

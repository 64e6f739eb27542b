import { type Clock, systemClock } from '../../src/base/clock.ts';

/**
 * Time that passes `factor` times as fast as the machine's for whatever waits or measures durations: leases, back-off, time-outs and
 * silences keep their proportions, and are over sooner. Time stamps stay true.
 */
export function fastClock(factor: number): Clock {
  return {
    now: systemClock.now,
    monotonic: () => systemClock.monotonic() * factor,
    schedule: (delayMs, run) => systemClock.schedule(delayMs / factor, run),
  };
}

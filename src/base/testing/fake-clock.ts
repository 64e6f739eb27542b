import type { Cancel, Clock } from '../clock.ts';

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves time on by `ms`. Runs what becomes due, in order, and lets promises settle after each. */
  advance(ms: number): Promise<void>;
  /** How many timers are waiting. */
  readonly timers: number;
}

interface Timer {
  readonly dueAt: number;
  readonly run: () => void;
}

/** Lets everything continue that waits only for promises. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock at `now` milliseconds since the epoch. */
export function createFakeClock(now = Date.parse('2030-01-01T00:00:00Z')): FakeClock {
  let elapsed = 0;
  const timers = new Set<Timer>();
  const nextDue = (until: number): Timer | undefined =>
    [...timers].filter(({ dueAt }) => dueAt <= until).sort((a, b) => a.dueAt - b.dueAt)[0];
  const schedule = (delayMs: number, run: () => void): Cancel => {
    const timer = { dueAt: elapsed + Math.max(0, delayMs), run };
    timers.add(timer);
    return () => {
      timers.delete(timer);
    };
  };
  return {
    now: () => now + elapsed,
    monotonic: () => elapsed,
    schedule,
    advance: async (ms) => {
      const until = elapsed + ms;
      await settle();
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        elapsed = timer.dueAt;
        timer.run();
        await settle();
      }
      elapsed = until;
    },
    get timers() {
      return timers.size;
    },
  };
}

import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../../base/testing/fake-clock.ts';
import { createBootClock, millisSince } from './boot-time.ts';

describe('the time since the host’s boot', () => {
  it('runs with the clock, and goes on where the clock of the daemon before left off', async () => {
    const [first, second] = [createFakeClock(), createFakeClock()];
    await second.advance(5_000_000);
    const start = createBootClock(first)();
    const bootTime = createBootClock(second);
    const before = bootTime();
    expect(Math.abs(before.ms - start.ms)).toBeLessThan(60_000);
    await second.advance(1000);
    expect(millisSince(before, bootTime())).toBeCloseTo(1000);
  });

  it('takes a start that is unknown, or of another boot, for the boot itself', () => {
    const now = { boot: 'b', ms: 5000 };
    expect(millisSince({ boot: 'b', ms: 2000 }, now)).toBe(3000);
    expect(millisSince({ boot: 'a', ms: 2000 }, now)).toBe(5000);
    expect(millisSince({ boot: 'b', ms: 9000 }, now)).toBe(5000);
    expect(millisSince(undefined, now)).toBe(5000);
  });
});

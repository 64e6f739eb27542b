import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { countActivations, nextCountMs, type Popularity, popularityAt } from './popularity.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-01-01T00:00:00Z');
const at = (hours: number) => START + hours * HOUR;

describe('the popularity of a template', () => {
  it('halves in each half-life', () => {
    const known = { value: 8, time: new Date(START).toISOString() };
    expect([0, 1, 2, 3].map((hours) => popularityAt(known, at(hours), HOUR))).toEqual([8, 4, 2, 1]);
    expect(popularityAt(undefined, START, HOUR)).toBe(0);
    // A clock that is set back makes nothing more popular.
    expect(popularityAt(known, at(-5), HOUR)).toBe(8);
  });

  it('has 1 more for each appliance that is made', () => {
    const first = countActivations(undefined, [at(0)], at(0.5), HOUR);
    expect(first).toEqual({ value: 1, time: '2026-01-01T00:00:00.000Z' });
    expect(countActivations(first, [at(0), at(1), at(1)], at(1.5), HOUR)?.value).toBe(2.5);
  });

  it('counts an appliance when none of an earlier second is still to come', () => {
    expect(countActivations(undefined, [START], START + 1000, HOUR)).toBeUndefined();
    expect(nextCountMs(undefined, [START + 5000, START], START + 1000)).toBe(2000);
    const known = countActivations(undefined, [START], START + 3000, HOUR);
    expect(known?.value).toBe(1);
    expect(nextCountMs(known, [START], START + 3000)).toBeUndefined();
  });

  const times = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 30 });
  const looks = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 10 });

  it('counts no appliance twice and none less, whenever operators look and however often they start again', () => {
    fc.assert(
      fc.property(times, looks, (seconds, moments) => {
        const created = seconds.map((second) => START + 1000 * second);
        const look = (known: Popularity | undefined, second: number) => {
          const now = START + 1000 * second;
          const there = created.filter((time) => time <= now);
          // Each look is that of another operator, which knows what is in the status, and nothing else.
          return countActivations(known, there, now, HOUR);
        };
        const end = 1000;
        const often = [...moments.sort((a, b) => a - b), end].reduce<Popularity | undefined>(look, undefined);
        const once = look(undefined, end);
        expect(often?.time).toBe(once?.time);
        expect(often?.value ?? 0).toBeCloseTo(once?.value ?? 0, 4);
        expect(look(often, end)).toEqual(often);
      }),
    );
  });

  it('is at most the number of appliances, and at least what is left of them', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 200, max: 100_000 }), (seconds, later) => {
        const created = seconds.map((second) => START + 1000 * second);
        const value = popularityAt(
          countActivations(undefined, created, START + HOUR, HOUR),
          START + 1000 * later,
          HOUR,
        );
        expect(value).toBeLessThanOrEqual(created.length + 1e-6);
        expect(value).toBeGreaterThanOrEqual(created.length * 2 ** ((-1000 * later) / HOUR) - 1e-6);
      }),
    );
  });
});

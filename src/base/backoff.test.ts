import { describe, expect, it } from 'vitest';
import { fc } from '../../test/fuzz.ts';
import { backoffDelay } from './backoff.ts';

const policy = { initialMs: 100, maxMs: 1000 };

describe('backoffDelay', () => {
  it.each([
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1000],
    [5000, 1000],
  ])('is at most, after %i failures, %i ms', (failures, ms) => {
    expect(backoffDelay(policy, failures, () => 1)).toBe(ms);
  });

  it('is never less than half of the delay, and never more than all of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, chance) => {
          const full = backoffDelay(policy, failures, () => 1);
          const delay = backoffDelay(policy, failures, () => chance);
          expect(delay).toBeGreaterThanOrEqual(full / 2);
          expect(delay).toBeLessThanOrEqual(full);
        },
      ),
    );
  });
});

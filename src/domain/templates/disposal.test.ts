import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { type DisposalFacts, disposalOf } from './disposal.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const facts = (overrides: Partial<DisposalFacts> = {}): DisposalFacts => ({
  coolDownMs: 30 * DAY,
  isUsed: false,
  lastUsedAt: undefined,
  unusedSince: undefined,
  announcedAt: undefined,
  now: 100 * DAY,
  ...overrides,
});

describe('the disposal of a template', () => {
  it('does not come without a coolDown, nor while it is used', () => {
    expect(disposalOf(facts({ coolDownMs: undefined, unusedSince: 0 }))).toEqual({ type: 'kept' });
    expect(disposalOf(facts({ isUsed: true, unusedSince: 0, announcedAt: 0 }))).toEqual({ type: 'kept' });
  });

  it('is counted from when it was first seen unused, or last used', () => {
    const since = (overrides: Partial<DisposalFacts>) => {
      const found = disposalOf(facts(overrides));
      return 'unusedSince' in found ? found.unusedSince / DAY : undefined;
    };
    expect(since({})).toBe(100);
    expect(since({ unusedSince: 90 * DAY })).toBe(90);
    expect(since({ unusedSince: 90 * DAY, lastUsedAt: 95 * DAY })).toBe(95);
  });

  it('is announced a week before, or for half of a short coolDown', () => {
    const next = (coolDownMs: number) =>
      disposalOf(facts({ coolDownMs, unusedSince: 100 * DAY, now: 100 * DAY }));
    expect(next(30 * DAY)).toMatchObject({ type: 'unused', nextMs: 23 * DAY });
    expect(next(4 * HOUR)).toMatchObject({ type: 'unused', nextMs: 2 * HOUR });
  });

  it('comes when it was announced for, and no sooner than its notice after that', () => {
    const unusedSince = 60 * DAY;
    const announced = disposalOf(facts({ unusedSince, now: 83 * DAY }));
    expect(announced).toEqual({ type: 'expiring', unusedSince, date: 90 * DAY, nextMs: 7 * DAY });
    const announcedAt = 83 * DAY;
    expect(disposalOf(facts({ unusedSince, announcedAt, now: 90 * DAY }))).toMatchObject({ type: 'due' });
    // No operator was there to announce it, or the coolDown was made shorter.
    expect(disposalOf(facts({ unusedSince, now: 99 * DAY }))).toMatchObject({
      type: 'expiring',
      date: 106 * DAY,
    });
  });

  it('is due only after an announcement that stood for the notice, and after the coolDown', () => {
    const day = fc.integer({ min: 0, max: 120 }).map((days) => days * DAY);
    const maybe = fc.option(day, { nil: undefined });
    fc.assert(
      fc.property(
        fc.record({ coolDownMs: day.map((ms) => ms + HOUR), lastUsedAt: maybe, unusedSince: maybe }),
        maybe,
        day,
        (known, announcedAt, now) => {
          const found = disposalOf(facts({ ...known, announcedAt, now }));
          if (found.type !== 'due') return;
          const noticeMs = Math.min(known.coolDownMs / 2, 7 * DAY);
          expect(announcedAt).toBeDefined();
          expect(now - (announcedAt ?? now)).toBeGreaterThanOrEqual(noticeMs);
          expect(now - found.unusedSince).toBeGreaterThanOrEqual(known.coolDownMs);
        },
      ),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { Recent } from './recent.ts';

describe('a recent answer', () => {
  let now = 0;
  const clock = { now: () => now };

  it('is shared until it is old, by whatever clock, or something changed', async () => {
    let asked = 0;
    const ask = async () => {
      asked += 1;
      return asked;
    };
    const recent = new Recent<number>(clock, 1000);
    expect(await Promise.all([recent.get(ask), recent.get(ask)])).toEqual([1, 1]);
    now += 999;
    expect(await recent.get(ask)).toBe(1);
    now += 1;
    expect(await recent.get(ask)).toBe(2);
    now -= 1;
    expect(await recent.get(ask), 'by a clock that was set back').toBe(3);
    recent.forget();
    expect(await recent.get(ask)).toBe(4);
    expect(await recent.keep(Promise.resolve(7))).toBe(7);
    expect(await recent.get(ask)).toBe(7);
  });
});

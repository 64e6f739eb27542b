import { describe, expect, it } from 'vitest';
import { WriteDebouncer } from './write-debouncer.ts';

describe('WriteDebouncer', () => {
  const setUp = () => {
    const time = { now: 0 };
    const debouncer = new WriteDebouncer({ soon: { settleMs: 100, maxMs: 250 } }, () => time.now);
    return { time, debouncer };
  };

  it('writes at once what is urgent, and nothing when nothing changed', () => {
    const { debouncer } = setUp();
    expect(debouncer.dueIn('a', 'now', { n: 1 })).toBe(0);
    expect(debouncer.dueIn('a', 'none', { n: 1 })).toBeUndefined();
    expect(debouncer.dueIn('a', 'later', { n: 1 }), 'a delay without a debounce is 0').toBe(0);
  });

  it('waits until a status has not changed for a while', () => {
    const { time, debouncer } = setUp();
    expect(debouncer.dueIn('a', 'soon', { n: 1 })).toBe(100);
    time.now = 60;
    expect(debouncer.dueIn('a', 'soon', { n: 1 })).toBe(40);
    time.now = 100;
    expect(debouncer.dueIn('a', 'soon', { n: 1 })).toBe(0);
  });

  it('waits no longer than the maximum for a status that keeps changing', () => {
    const { time, debouncer } = setUp();
    for (const now of [0, 90, 180]) {
      time.now = now;
      expect(debouncer.dueIn('a', 'soon', { n: now })).toBe(Math.min(100, 250 - now));
    }
    time.now = 250;
    expect(debouncer.dueIn('a', 'soon', { n: 250 })).toBe(0);
  });

  it('begins again after a write, and counts each key separately', () => {
    const { time, debouncer } = setUp();
    debouncer.dueIn('a', 'soon', { n: 1 });
    time.now = 90;
    debouncer.forget('a');
    expect(debouncer.dueIn('a', 'soon', { n: 2 })).toBe(100);
    expect(debouncer.dueIn('b', 'soon', { n: 2 })).toBe(100);
  });
});

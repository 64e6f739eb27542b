import { describe, expect, it } from 'vitest';
import { WritePacer } from './write-pacer.ts';

describe('WritePacer', () => {
  const setUp = () => {
    const time = { now: 0 };
    const pacer = new WritePacer({ soon: { settleMs: 100, maxMs: 250 } }, () => time.now);
    return { time, pacer };
  };

  it('writes news at once and nothing when nothing changed', () => {
    const { pacer } = setUp();
    expect(pacer.dueIn('a', 'now', { n: 1 })).toBe(0);
    expect(pacer.dueIn('a', 'none', { n: 1 })).toBeUndefined();
    expect(pacer.dueIn('a', 'later', { n: 1 }), 'a delay that was not given is none').toBe(0);
  });

  it('waits until a change has been still for a while', () => {
    const { time, pacer } = setUp();
    expect(pacer.dueIn('a', 'soon', { n: 1 })).toBe(100);
    time.now = 60;
    expect(pacer.dueIn('a', 'soon', { n: 1 })).toBe(40);
    time.now = 100;
    expect(pacer.dueIn('a', 'soon', { n: 1 })).toBe(0);
  });

  it('waits no longer than the most for what never is still', () => {
    const { time, pacer } = setUp();
    for (const now of [0, 90, 180]) {
      time.now = now;
      expect(pacer.dueIn('a', 'soon', { n: now })).toBe(Math.min(100, 250 - now));
    }
    time.now = 250;
    expect(pacer.dueIn('a', 'soon', { n: 250 })).toBe(0);
  });

  it('begins anew after a write, and counts each key for itself', () => {
    const { time, pacer } = setUp();
    pacer.dueIn('a', 'soon', { n: 1 });
    time.now = 90;
    pacer.forget('a');
    expect(pacer.dueIn('a', 'soon', { n: 2 })).toBe(100);
    expect(pacer.dueIn('b', 'soon', { n: 2 })).toBe(100);
  });
});

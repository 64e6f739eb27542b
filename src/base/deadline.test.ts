import { describe, expect, it } from 'vitest';
import { deadlineIn, isOver, orLate, remaining } from './deadline.ts';
import { createFakeClock, settle } from './testing/fake-clock.ts';

describe('a deadline', () => {
  it('has less time left as time passes, and never less than none', async () => {
    const clock = createFakeClock();
    await clock.advance(1000);
    const deadline = deadlineIn(clock, 100);
    expect(deadline.totalMs).toBe(100);
    expect([remaining(clock, deadline), isOver(clock, deadline)]).toEqual([100, false]);
    await clock.advance(99);
    expect([remaining(clock, deadline), isOver(clock, deadline)]).toEqual([1, false]);
    await clock.advance(1);
    expect([remaining(clock, deadline), isOver(clock, deadline)]).toEqual([0, true]);
    await clock.advance(50);
    expect([remaining(clock, deadline), isOver(clock, deadline)]).toEqual([0, true]);
  });

  it('does not depend on the wall clock', () => {
    const clock = createFakeClock();
    const deadline = deadlineIn(clock, 100);
    const setBack = { ...clock, now: () => 0 };
    expect(remaining(setBack, deadline)).toBe(100);
  });
});

describe('orLate', () => {
  it('settles as work does that is done in time, and leaves no timer', async () => {
    const clock = createFakeClock();
    expect(await orLate(clock, Promise.resolve(1), 100)).toBe(1);
    await expect(orLate(clock, Promise.reject(new Error('failed')), 100)).rejects.toThrow('failed');
    await settle();
    expect(clock.timers).toBe(0);
  });

  it('resolves with late when the time is over, and drops a failure after that', async () => {
    const clock = createFakeClock();
    const work = Promise.withResolvers<number>();
    const answer = orLate(clock, work.promise, 100);
    await clock.advance(100);
    expect(await answer).toBe('late');
    work.reject(new Error('too late'));
    await settle();
  });
});

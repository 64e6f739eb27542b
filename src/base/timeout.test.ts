import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createFakeClock } from './testing/fake-clock.ts';
import { startTimeout } from './timeout.ts';

const stopped = new Error('stopped');

describe('a timeout', () => {
  it('fires its signal when the time is over, and says so', async () => {
    const clock = createFakeClock();
    const timeout = startTimeout(clock, 100);
    await clock.advance(99);
    expect([timeout.signal.aborted, timeout.expired(), timeout.remainingMs()]).toEqual([false, false, 1]);
    await clock.advance(1);
    expect([timeout.signal.aborted, timeout.expired(), timeout.remainingMs()]).toEqual([true, true, 0]);
    expect(String(timeout.signal.reason)).toContain('no answer within 100 ms');
  });

  it('starts again from its full length when it is extended', async () => {
    const clock = createFakeClock();
    const timeout = startTimeout(clock, 100);
    await clock.advance(80);
    timeout.extend();
    expect(timeout.remainingMs()).toBe(100);
    await clock.advance(99);
    expect(timeout.expired()).toBe(false);
    await clock.advance(1);
    expect(timeout.expired()).toBe(true);
  });

  it('fires with the caller’s reason when the caller’s signal does, and has not expired then', async () => {
    const clock = createFakeClock();
    const caller = new AbortController();
    const timeout = startTimeout(clock, 100, caller.signal);
    caller.abort(stopped);
    expect([timeout.signal.reason, timeout.expired()]).toEqual([stopped, false]);
  });

  it('has fired from the start, without a timer, when the caller’s signal has', () => {
    const clock = createFakeClock();
    const timeout = startTimeout(clock, 100, AbortSignal.abort(stopped));
    expect([timeout.signal.reason, timeout.expired(), timeout.remainingMs()]).toEqual([stopped, false, 0]);
    expect(clock.timers).toBe(0);
  });

  it('leaves neither a timer nor a listener when it is cleared', () => {
    const clock = createFakeClock();
    const { signal } = new AbortController();
    const timeout = startTimeout(clock, 100, signal);
    timeout.clear();
    expect(clock.timers).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { instant, sleep, systemClock } from './clock.ts';
import { createFakeClock, settle } from './testing/fake-clock.ts';

const stopped = new Error('stopped');

describe('sleep', () => {
  it('resolves after the delay and not before, and leaves no listener on the signal', async () => {
    const clock = createFakeClock();
    const { signal } = new AbortController();
    let isAwake = false;
    void sleep(clock, 100, signal).then(() => {
      isAwake = true;
    });
    await clock.advance(99);
    expect(isAwake).toBe(false);
    await clock.advance(1);
    expect(isAwake).toBe(true);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('rejects with the reason of a signal that fires, and leaves no timer', async () => {
    const clock = createFakeClock();
    const controller = new AbortController();
    const sleeping = sleep(clock, 100, controller.signal);
    controller.abort(stopped);
    await expect(sleeping).rejects.toBe(stopped);
    expect(clock.timers).toBe(0);
  });

  it('rejects without a timer when the signal has fired before', async () => {
    const clock = createFakeClock();
    await expect(sleep(clock, 100, AbortSignal.abort(stopped))).rejects.toBe(stopped);
    expect(clock.timers).toBe(0);
  });
});

describe('the system clock', () => {
  it('runs what is scheduled in the past as soon as possible, and nothing that was cancelled', async () => {
    const ran: string[] = [];
    const cancel = systemClock.schedule(0, () => ran.push('cancelled'));
    cancel();
    cancel();
    await new Promise<void>((resolve) => systemClock.schedule(-5, resolve));
    await settle();
    expect(ran).toEqual([]);
  });

  it('does not run at once what is further away than Node can count', async () => {
    let hasRun = false;
    const cancel = systemClock.schedule(2 ** 40, () => {
      hasRun = true;
    });
    await sleep(systemClock, 20);
    cancel();
    expect(hasRun).toBe(false);
  });

  it('has a monotonic time that does not depend on the wall clock', async () => {
    const before = systemClock.monotonic();
    await sleep(systemClock, 5);
    expect(systemClock.monotonic()).toBeGreaterThan(before);
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
  });
});

it('an instant is written in RFC 3339 with milliseconds, UTC', () => {
  expect(instant(Date.UTC(2030, 0, 2, 3, 4, 5, 6))).toBe('2030-01-02T03:04:05.006Z');
});

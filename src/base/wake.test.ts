import { describe, expect, it } from 'vitest';
import { createFakeClock } from './testing/fake-clock.ts';
import { Wake } from './wake.ts';

const { signal: running } = new AbortController();

describe('a pause', () => {
  it('lasts its time when nobody wakes the loop', async () => {
    const clock = createFakeClock();
    const pause = new Wake().pause(100, clock, running);
    await clock.advance(100);
    expect(await pause).toBe(false);
  });

  it('ends early when somebody wakes the loop', async () => {
    const wake = new Wake();
    const pause = wake.pause(100, createFakeClock(), running);
    wake.now();
    expect(await pause).toBe(true);
  });

  it('ends at once, and only that one, when somebody woke the loop before it', async () => {
    const clock = createFakeClock();
    const wake = new Wake();
    wake.now();
    wake.now();
    expect(await wake.pause(100, clock, running)).toBe(true);
    const next = wake.pause(100, clock, running);
    await clock.advance(100);
    expect(await next).toBe(false);
  });

  it('rejects when the loop is to stop, even if somebody woke it, too', async () => {
    const stopped = new Error('stopped');
    const stop = new AbortController();
    const wake = new Wake();
    const pause = wake.pause(100, createFakeClock(), stop.signal);
    stop.abort(stopped);
    wake.now();
    await expect(pause).rejects.toBe(stopped);
  });
});

import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { orAborted, whenAborted } from './abort.ts';
import { settle } from './testing/fake-clock.ts';

const stopped = new Error('stopped');
const never = () => new Promise<never>(() => undefined);

describe('orAborted', () => {
  it('settles as the promise does, and leaves no listener on the signal', async () => {
    const { signal } = new AbortController();
    expect(await orAborted(Promise.resolve(1), signal)).toBe(1);
    await expect(orAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
    await settle();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('rejects with the reason of a signal that fires first, or has fired before', async () => {
    const controller = new AbortController();
    const waiting = orAborted(never(), controller.signal);
    controller.abort(stopped);
    await expect(waiting).rejects.toBe(stopped);
    await expect(orAborted(never(), controller.signal)).rejects.toBe(stopped);
  });

  it('ignores a failure of the work after the signal fired', async () => {
    const work = Promise.withResolvers<never>();
    await expect(orAborted(work.promise, AbortSignal.abort(stopped))).rejects.toBe(stopped);
    work.reject(new Error('too late'));
    await settle();
  });

  it('returns the promise itself without a signal', () => {
    const promise = Promise.resolve(1);
    expect(orAborted(promise, undefined)).toBe(promise);
  });
});

describe('whenAborted', () => {
  it('resolves when the signal fires, and not before', async () => {
    const controller = new AbortController();
    let isOver = false;
    const waiting = whenAborted(controller.signal).then(() => {
      isOver = true;
    });
    await settle();
    expect(isOver).toBe(false);
    controller.abort();
    await waiting;
  });

  it('resolves at once when the signal has fired before', async () => {
    await whenAborted(AbortSignal.abort());
  });
});

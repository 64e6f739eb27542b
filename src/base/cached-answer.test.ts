import { describe, expect, it } from 'vitest';
import { CachedAnswer } from './cached-answer.ts';

function bench(tookMs = 0) {
  let [now, asked] = [0, 0];
  const cached = new CachedAnswer<number>({ monotonic: () => now }, 1000);
  const ask = async () => {
    asked += 1;
    await Promise.resolve();
    now += tookMs;
    return asked;
  };
  return {
    cached,
    answer: () => cached.get(ask),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('a cached answer', () => {
  it('is shared by all callers while it is pending, and for a second', async () => {
    const { answer, pass } = bench();
    expect(await Promise.all([answer(), answer()])).toEqual([1, 1]);
    pass(999);
    expect(await answer()).toBe(1);
    pass(1);
    expect(await answer()).toBe(2);
  });

  it('stays valid for five times as long as it took, but for five seconds at most', async () => {
    const slow = bench(400);
    await slow.answer();
    slow.pass(1599);
    expect(await slow.answer()).toBe(1);
    slow.pass(1);
    expect(await slow.answer()).toBe(2);
    const slower = bench(4000);
    await slower.answer();
    slower.pass(999);
    expect(await slower.answer()).toBe(1);
    slower.pass(1);
    expect(await slower.answer()).toBe(2);
  });

  it('is replaced by the next question after a failure', async () => {
    const { cached, answer } = bench();
    await cached.keep(Promise.reject(new Error('no xl'))).catch(() => undefined);
    expect(await answer()).toBe(1);
  });

  it('can be dropped, and can be given by the caller', async () => {
    const { cached, answer } = bench();
    await answer();
    cached.forget();
    expect(await answer()).toBe(2);
    await cached.keep(Promise.resolve(7));
    expect(await answer()).toBe(7);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { createFakeClock, type FakeClock } from '../../../base/testing/fake-clock.ts';
import { Restarts } from './restarts.ts';

const MINUTE_MS = 60_000;

describe('restarts of a part', () => {
  let clock: FakeClock;
  let restarts: Restarts;
  beforeEach(() => {
    clock = createFakeClock();
    restarts = new Restarts(clock, () => 1);
  });

  /** Milliseconds until the part is due, after it was seen to have ended; then it starts. */
  const restartAfter = async () => {
    const endedAt = clock.monotonic();
    while (!restarts.isDue('api')) await clock.advance(500);
    restarts.starts('api');
    return clock.monotonic() - endedAt;
  };

  it('come at once, then after delays that double up to five minutes', async () => {
    const waits: number[] = [];
    for (let times = 0; times < 12; times += 1) waits.push(await restartAfter());
    const doubled = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1000);
    expect(waits).toEqual([0, ...doubled]);
    expect(restarts.history('api').restarts).toBe(12);
  });

  it('come at once again after a run of ten minutes, and not after a shorter one', async () => {
    await restartAfter();
    await restartAfter();
    await clock.advance(9 * MINUTE_MS);
    expect(await restartAfter()).toBe(2000);
    await clock.advance(10 * MINUTE_MS);
    expect(await restartAfter()).toBe(0);
  });

  it('are counted for each part, with when the last one was and the next one is due', async () => {
    expect(restarts.history('api')).toEqual({ restarts: 0 });
    await restartAfter();
    const lastAt = clock.now();
    restarts.isDue('api');
    expect(restarts.history('api')).toEqual({ restarts: 1, lastAt, nextAt: lastAt + 1000 });
    restarts.runs('api');
    expect(restarts.history('api')).toEqual({ restarts: 1, lastAt });
    expect(restarts.history('operator')).toEqual({ restarts: 0 });
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { createFakeClock, type FakeClock } from '../../base/testing/fake-clock.ts';
import { createLiveness, type Liveness } from './liveness.ts';

/** client-go's: ReadIdleTimeout and PingTimeout of its HTTP/2 health check. */
const CLIENT_GO_MS = 45_000;

describe('whether a server that is silent is there', () => {
  let clock: FakeClock;
  let liveness: Liveness;
  let asked: number[];
  let deadAt: number[];
  let answer: (signal: AbortSignal) => Promise<void>;
  const silence = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

  beforeEach(() => {
    clock = createFakeClock();
    asked = [];
    deadAt = [];
    answer = async () => undefined;
    liveness = createLiveness({
      clock,
      ask: (signal) => {
        asked.push(clock.monotonic());
        return answer(signal);
      },
      onDead: () => deadAt.push(clock.monotonic()),
    });
  });

  it('is not asked while nobody waits, or something comes all the time', async () => {
    await clock.advance(60_000);
    const exchange = liveness.follow();
    for (let round = 0; round < 100; round += 1) {
      await clock.advance(1000);
      exchange.heard();
    }
    exchange.ended();
    await clock.advance(60_000);
    expect(asked).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('is asked by one question for all who wait, and left in peace for a while when it answers', async () => {
    for (let waiting = 0; waiting < 100; waiting += 1) liveness.follow();
    await clock.advance(60_000);
    expect(deadAt).toEqual([]);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(60 / 5);
  });

  it('is found dead sooner than client-go would, and as soon the next time', async () => {
    liveness.follow();
    await clock.advance(60_000);
    answer = silence;
    await clock.advance(CLIENT_GO_MS / 2);
    expect(deadAt[0]).toBeLessThan(60_000 + CLIENT_GO_MS / 2);
    expect(deadAt.length).toBeGreaterThan(1);
    answer = async () => undefined;
    await clock.advance(10_000);
    const before = deadAt.length;
    await clock.advance(60_000);
    expect(deadAt).toHaveLength(before);
  });

  it('is found dead when its connection breaks over the question', async () => {
    liveness.follow();
    answer = async () => {
      throw new Error('ECONNRESET');
    };
    await clock.advance(6000);
    expect(deadAt).toHaveLength(1);
  });

  it('is asked at once, and once, when somebody has waited in vain', async () => {
    answer = silence;
    liveness.suspect();
    liveness.suspect();
    expect(asked).toEqual([0]);
    await clock.advance(60_000);
    expect(asked).toEqual([0]);
    expect(deadAt).toHaveLength(1);
  });

  it('is asked no more when that has ended', async () => {
    answer = silence;
    liveness.follow();
    await clock.advance(6000);
    expect(asked).toHaveLength(1);
    liveness.close();
    await clock.advance(60_000);
    expect(asked).toHaveLength(1);
    expect(deadAt).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});

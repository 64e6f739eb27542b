import { beforeEach, describe, expect, it } from 'vitest';
import { createFakeClock, type FakeClock } from '../../base/testing/fake-clock.ts';
import { createLiveness, type Liveness } from './liveness.ts';

/** client-go's: ReadIdleTimeout and PingTimeout of its HTTP/2 health check. */
const CLIENT_GO_MS = 45_000;

describe('a server that is silent', () => {
  let clock: FakeClock;
  let liveness: Liveness;
  let probed: number[];
  let deadAt: number[];
  let answer: (signal: AbortSignal) => Promise<void>;
  const silence = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

  beforeEach(() => {
    clock = createFakeClock();
    probed = [];
    deadAt = [];
    answer = async () => undefined;
    liveness = createLiveness({
      clock,
      probe: (signal) => {
        probed.push(clock.monotonic());
        return answer(signal);
      },
      onDead: () => deadAt.push(clock.monotonic()),
    });
  });

  it('is not probed while no exchange waits, or while data arrives all the time', async () => {
    await clock.advance(60_000);
    const exchange = liveness.follow();
    for (let round = 0; round < 100; round += 1) {
      await clock.advance(1000);
      exchange.heard();
    }
    exchange.ended();
    await clock.advance(60_000);
    expect(probed).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('is probed once for all exchanges that wait, and not again for a while when it answers', async () => {
    for (let waiting = 0; waiting < 100; waiting += 1) liveness.follow();
    await clock.advance(60_000);
    expect(deadAt).toEqual([]);
    expect(probed.length).toBeGreaterThan(0);
    expect(probed.length).toBeLessThanOrEqual(60 / 5);
  });

  it('is found dead sooner than by client-go, also the next time', async () => {
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

  it('is found dead when its connection breaks during the probe', async () => {
    liveness.follow();
    answer = async () => {
      throw new Error('ECONNRESET');
    };
    await clock.advance(6000);
    expect(deadAt).toHaveLength(1);
  });

  it('is probed at once, and only once, after a timeout', async () => {
    answer = silence;
    liveness.suspect();
    liveness.suspect();
    expect(probed).toEqual([0]);
    await clock.advance(60_000);
    expect(probed).toEqual([0]);
    expect(deadAt).toHaveLength(1);
  });

  it('is not probed any more after the end', async () => {
    answer = silence;
    liveness.follow();
    await clock.advance(6000);
    expect(probed).toHaveLength(1);
    liveness.close();
    await clock.advance(60_000);
    expect(probed).toHaveLength(1);
    expect(deadAt).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});

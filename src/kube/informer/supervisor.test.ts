import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import { ApiError } from '../api-error.ts';
import { createTestLog } from '../testing/things.ts';
import { type Stream, supervise } from './supervisor.ts';

/** Watches that all end at once in the given way; notes when each began. */
async function watchStarts(end: () => void, forMs: number): Promise<number[]> {
  const clock = createFakeClock();
  const starts: number[] = [];
  const stop = new AbortController();
  const stream: Stream = {
    state: { resourceVersion: '1', hasSynced: true },
    relist: async () => {
      stream.state.resourceVersion = '1';
    },
    currentVersion: async () => '1',
    // biome-ignore lint/correctness/useYield: it ends before the first event
    watch: async function* () {
      starts.push(clock.monotonic());
      end();
    },
  };
  const { log } = createTestLog();
  const running = supervise(stream, { clock, random: () => 0, log, observe: () => undefined }, stop.signal);
  await clock.advance(forMs);
  stop.abort();
  await running;
  return starts;
}

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - (times[index] ?? 0));
}

describe('the supervision of a watch', () => {
  it('waits longer and longer, but at most a second, for a server that is unreachable', async () => {
    const away = () => {
      throw new ApiError({ status: 0, reason: 'Unreachable', message: 'refused' });
    };
    expect(gaps(await watchStarts(away, 3000))).toEqual([25, 50, 100, 200, 400, 400, 400, 400, 400, 400]);
  });

  it('waits between watches when a server closes each at once', async () => {
    expect((await watchStarts(() => undefined, 60_000)).length).toBeLessThan(160);
  });

  it('retries a server that refuses less and less often', async () => {
    const forbidden = () => {
      throw new ApiError({ status: 403, reason: 'Forbidden', message: 'no' });
    };
    expect(gaps(await watchStarts(forbidden, 60_000)).slice(-2)).toEqual([7500, 7500]);
  });

  it('lists again after many failures in a row, in case the server refuses the version', async () => {
    const clock = createFakeClock();
    let lists = 0;
    const stop = new AbortController();
    const stream: Stream = {
      state: { resourceVersion: '1', hasSynced: true },
      relist: async () => {
        lists += 1;
        stream.state.resourceVersion = '2';
      },
      currentVersion: async () => '1',
      watch: (resourceVersion, signal) => brokenUnless(resourceVersion === '2', signal),
    };
    const { log } = createTestLog();
    const running = supervise(stream, { clock, random: () => 0, log, observe: () => undefined }, stop.signal);
    await clock.advance(60_000);
    expect(lists).toBe(1);
    stop.abort();
    await running;
  });
});

async function* brokenUnless(isFine: boolean, signal: AbortSignal): AsyncGenerator<string> {
  if (!isFine) {
    throw new ApiError({ status: 400, reason: 'BadRequest', message: 'invalid version' });
  }
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

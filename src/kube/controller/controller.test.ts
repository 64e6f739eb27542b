import { describe, expect, it } from 'vitest';
import { createFakeClock, settle } from '../../base/testing/fake-clock.ts';
import { createCache } from '../informer/cache.ts';
import { createTestLog, THINGS, type Thing, thing } from '../testing/things.ts';
import { type ControllerOptions, runController, sourceOf } from './controller.ts';
import { StalledError, TransientError } from './errors.ts';
import { done, type ReconcileResult, requeueAfter } from './outcome.ts';

function setup(
  reconcile: (key: string, attempt: number) => Promise<ReconcileResult>,
  options: Partial<ControllerOptions> = {},
) {
  const clock = createFakeClock();
  const { log, lines } = createTestLog();
  const cache = createCache<Thing>({ log, onHandlerError: () => undefined });
  const synced = Promise.withResolvers<void>();
  const informer = {
    ref: THINGS,
    addHandler: cache.addHandler,
    hasSynced: () => true,
    waitForSync: (signal?: AbortSignal) =>
      Promise.race([
        synced.promise,
        new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
      ]),
  };
  const reconciled: string[] = [];
  const outcomes: string[] = [];
  const nothing = () => undefined;
  const stop = new AbortController();
  const running = runController(
    {
      name: 'things',
      concurrency: 1,
      sources: [sourceOf(informer, (object) => [object.metadata.labels?.owner ?? object.metadata.name])],
      reconcile: async (key) => {
        reconciled.push(key);
        return await reconcile(key, reconciled.filter((seen) => seen === key).length);
      },
      log,
      clock,
      random: () => 1,
      observer: {
        depth: nothing,
        waited: nothing,
        worked: nothing,
        retried: nothing,
        outcome: (outcome) => outcomes.push(outcome),
      },
      ...options,
    },
    stop.signal,
  );
  const sync = async () => {
    synced.resolve();
    await settle();
  };
  return { cache, clock, reconciled, outcomes, lines, stop, running, sync };
}

describe('a controller', () => {
  it('starts when its caches are complete', async () => {
    const { cache, reconciled, sync, stop, running } = setup(async () => done);
    cache.upsert(thing('a', '1'));
    await settle();
    expect(reconciled).toEqual([]);
    await sync();
    expect(reconciled).toEqual(['a']);
    stop.abort();
    await running;
  });

  it('reconciles both the former and the new owner when an object changes its owner', async () => {
    const { cache, reconciled, sync, stop, running } = setup(async () => done);
    cache.upsert(thing('a', '1', { labels: { owner: 'x' } }));
    await sync();
    cache.upsert(thing('a', '2', { labels: { owner: 'y' } }));
    await settle();
    expect(reconciled).toEqual(['x', 'x', 'y']);
    stop.abort();
    await running;
  });

  it('reconciles again when the result demands it', async () => {
    const { cache, clock, reconciled, sync, stop, running } = setup(async (_key, attempt) =>
      attempt === 1 ? requeueAfter(500) : done,
    );
    cache.upsert(thing('a', '1'));
    await sync();
    await clock.advance(499);
    expect(reconciled).toHaveLength(1);
    await clock.advance(1);
    expect(reconciled).toHaveLength(2);
    await clock.advance(600_000);
    expect(reconciled).toHaveLength(2);
    stop.abort();
    await running;
  });

  it('retries failures with growing delays, which success resets', async () => {
    const { cache, clock, reconciled, outcomes, sync, stop, running } = setup(
      async (_key, attempt) => {
        if (attempt < 3) {
          throw new TransientError('busy');
        }
        return done;
      },
      { backoff: { initialMs: 100, maxMs: 1000 } },
    );
    cache.upsert(thing('a', '1'));
    await sync();
    await clock.advance(100);
    expect(reconciled).toHaveLength(2);
    await clock.advance(199);
    expect(reconciled).toHaveLength(2);
    await clock.advance(1);
    expect(outcomes).toEqual(['retry', 'retry', 'done']);
    stop.abort();
    await running;
  });

  it('leaves a stalled key alone until its object changes', async () => {
    const { cache, clock, reconciled, sync, stop, running } = setup(async () => {
      throw new StalledError('BadSpec', 'no image');
    });
    cache.upsert(thing('a', '1'));
    await sync();
    await clock.advance(3_600_000);
    expect(reconciled).toEqual(['a']);
    cache.upsert(thing('a', '2'));
    await settle();
    expect(reconciled).toEqual(['a', 'a']);
    stop.abort();
    await running;
  });

  it('logs unforeseen errors with their stack, and only those', async () => {
    const { cache, lines, sync, stop, running } = setup(async (key) => {
      throw key === 'a' ? new TransientError('busy') : new TypeError('x is undefined');
    });
    cache.upsert(thing('a', '1'));
    cache.upsert(thing('b', '1'));
    await sync();
    const errors = lines.filter((line) => line.level === 50);
    expect(errors).toMatchObject([
      { object: 'b', err: { message: 'x is undefined', stack: expect.any(String) } },
    ]);
    stop.abort();
    await running;
  });

  it('finishes the current reconcile before it stops', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { cache, clock, sync, stop, running } = setup(async () => {
      await promise;
      return requeueAfter(5);
    });
    cache.upsert(thing('a', '1'));
    await sync();
    stop.abort();
    let hasStopped = false;
    void running.then(() => {
      hasStopped = true;
    });
    await settle();
    expect(hasStopped).toBe(false);
    resolve();
    await running;
    expect(clock.timers).toBe(0);
  });

  it('stops even while it waits for its caches', async () => {
    const { reconciled, stop, running } = setup(async () => done);
    stop.abort(new Error('enough'));
    await running;
    expect(reconciled).toEqual([]);
  });
});

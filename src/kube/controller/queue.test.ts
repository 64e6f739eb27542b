import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { createFakeClock, settle } from '../../base/testing/fake-clock.ts';
import { createWorkQueue, type WorkQueueOptions } from './queue.ts';

/** A queue whose work ends when the test says so. */
function setup(options: Partial<WorkQueueOptions> = {}) {
  const clock = createFakeClock();
  const started: string[] = [];
  const running = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const failed: string[] = [];
  const queue = createWorkQueue({
    concurrency: 2,
    clock,
    random: () => 1,
    backoff: { initialMs: 100, maxMs: 1000 },
    onWorkFailed: (key) => failed.push(key),
    work: (key) => {
      expect(running.has(key), `${key} is worked on twice at once`).toBe(false);
      started.push(key);
      const { promise, ...settlers } = Promise.withResolvers<void>();
      running.set(key, settlers);
      return promise.finally(() => running.delete(key));
    },
    ...options,
  });
  const finish = async (key: string) => {
    running.get(key)?.resolve();
    await settle();
  };
  return { queue, clock, started, running, failed, finish };
}

describe('a work queue', () => {
  it('takes no key before it is started', async () => {
    const { queue, started } = setup();
    queue.add('a');
    await settle();
    expect(started).toEqual([]);
    queue.start();
    expect(started).toEqual(['a']);
  });

  it('works on as many keys at once as allowed, in the order in which they became due', async () => {
    const { queue, started, finish } = setup();
    queue.start();
    for (const key of ['a', 'b', 'c', 'd', 'c']) {
      queue.add(key);
    }
    expect(started).toEqual(['a', 'b']);
    await finish('b');
    expect(started).toEqual(['a', 'b', 'c']);
    await finish('a');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
  });

  it('works on a key exactly once more, however often it was added during the work', async () => {
    const { queue, started, finish } = setup();
    queue.start();
    queue.add('a');
    queue.add('a');
    queue.add('a');
    expect(started).toEqual(['a']);
    await finish('a');
    expect(started).toEqual(['a', 'a']);
    await finish('a');
    expect(started).toEqual(['a', 'a']);
  });

  it('keeps the soonest of several due times', async () => {
    const { queue, clock, started, finish } = setup();
    queue.start();
    queue.addAfter('a', 500);
    queue.addAfter('a', 200);
    queue.addAfter('a', 900);
    await clock.advance(199);
    expect(started).toEqual([]);
    await clock.advance(1);
    expect(started).toEqual(['a']);
    await finish('a');
    await clock.advance(10_000);
    expect(started).toEqual(['a']);
  });

  it('forgets a later due time when the key is added now', async () => {
    const { queue, clock, started, finish } = setup();
    queue.start();
    queue.addAfter('a', 500);
    queue.add('a');
    await finish('a');
    await clock.advance(10_000);
    expect(started).toEqual(['a']);
  });

  it('keeps a due time that was set during the work', async () => {
    const { queue, clock, started, finish } = setup();
    queue.start();
    queue.add('a');
    queue.addAfter('a', 500);
    await finish('a');
    expect(started).toEqual(['a']);
    await clock.advance(500);
    expect(started).toEqual(['a', 'a']);
  });

  it('lengthens the delay with each failure of a key, up to a limit, until forget', async () => {
    const { queue, clock, started, finish } = setup();
    queue.start();
    const delays: number[] = [];
    const measure = async () => {
      const before = clock.monotonic();
      const seen = started.length;
      queue.addAfterFailure('a');
      while (started.length === seen) {
        await clock.advance(50);
      }
      delays.push(clock.monotonic() - before);
      await finish('a');
    };
    for (let failure = 0; failure < 5; failure += 1) {
      await measure();
    }
    queue.forget('a');
    await measure();
    expect(delays).toEqual([100, 200, 400, 800, 1000, 100]);
  });

  it('spreads retries at random, and never below half of the delay', async () => {
    const { queue, clock, started } = setup({ random: () => 0 });
    queue.start();
    queue.addAfterFailure('a');
    await clock.advance(49);
    expect(started).toEqual([]);
    await clock.advance(1);
    expect(started).toEqual(['a']);
  });

  it('reports and retries a key whose work rejects', async () => {
    const { queue, clock, running, failed, started } = setup();
    queue.start();
    queue.add('a');
    running.get('a')?.reject(new Error('broken'));
    await settle();
    expect(failed).toEqual(['a']);
    await clock.advance(100);
    expect(started).toEqual(['a', 'a']);
  });

  it('finishes the current work on shutdown, and takes no more keys', async () => {
    const { queue, clock, started, finish } = setup({ concurrency: 1 });
    queue.start();
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 100);
    let isDown = false;
    const down = queue.shutdown().then(() => {
      isDown = true;
    });
    queue.add('d');
    queue.add('a');
    await clock.advance(1000);
    expect(isDown).toBe(false);
    await finish('a');
    await down;
    expect(started).toEqual(['a']);
    expect(clock.timers).toBe(0);
  });

  it('measures its depth, how long keys waited, and how long the work took', async () => {
    const seen: [string, number][] = [];
    const note = (what: string) => (value: number) => {
      seen.push([what, value]);
    };
    const observer = {
      depth: note('depth'),
      waited: note('waited'),
      worked: note('worked'),
      retried: () => undefined,
    };
    const { queue, clock, finish } = setup({ concurrency: 1, observer });
    queue.start();
    queue.add('a');
    queue.add('b');
    await clock.advance(30);
    await finish('a');
    expect(seen).toEqual([
      ['depth', 1],
      ['depth', 0],
      ['waited', 0],
      ['depth', 1],
      ['worked', 30],
      ['depth', 0],
      ['waited', 30],
    ]);
  });
});

/** What the queue promises, in the plainest form: each key has at most one due time. */
interface Model {
  readonly due: Map<string, number>;
  readonly working: Set<string>;
}

type Step =
  | { readonly type: 'add' | 'finish'; readonly key: string }
  | { readonly type: 'addAfter'; readonly key: string; readonly ms: number }
  | { readonly type: 'advance'; readonly ms: number };

const anyKey = fc.constantFrom('a', 'b', 'c', 'd');
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constantFrom('add' as const, 'finish' as const), key: anyKey }),
  fc.record({ type: fc.constant('addAfter' as const), key: anyKey, ms: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ type: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 60 }) }),
);

describe('a work queue after any sequence of calls', () => {
  it('works on exactly the due keys, never on one twice at once, and never on too many', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { maxLength: 80, size: 'max' }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, concurrency) => {
          const { queue, clock, running, finish } = setup({ concurrency });
          const model: Model = { due: new Map(), working: new Set() };
          queue.start();
          for (const step of steps) {
            await perform(step, queue, clock, finish);
            update(model, step, clock.monotonic());
            compare(model, running, clock.monotonic(), concurrency);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

async function perform(
  step: Step,
  queue: ReturnType<typeof setup>['queue'],
  clock: ReturnType<typeof setup>['clock'],
  finish: (key: string) => Promise<void>,
): Promise<void> {
  switch (step.type) {
    case 'add':
      queue.add(step.key);
      return;
    case 'addAfter':
      queue.addAfter(step.key, step.ms);
      return;
    case 'finish':
      await finish(step.key);
      return;
    case 'advance':
      await clock.advance(step.ms);
  }
}

function update({ due, working }: Model, step: Step, now: number): void {
  if (step.type === 'add' || step.type === 'addAfter') {
    const at = step.type === 'addAfter' ? now + step.ms : now;
    due.set(step.key, Math.min(at, due.get(step.key) ?? at));
  } else if (step.type === 'finish') {
    working.delete(step.key);
  }
}

/** Which of several due keys is taken first is not the model's business: it follows the queue, and checks it. */
function compare(
  { due, working }: Model,
  running: Map<string, unknown>,
  now: number,
  concurrency: number,
): void {
  for (const key of running.keys()) {
    if (!working.has(key)) {
      expect(due.get(key), `${key} was not due`).toBeLessThanOrEqual(now);
      due.delete(key);
      working.add(key);
    }
  }
  expect(running.size).toBeLessThanOrEqual(concurrency);
  expect(new Set(running.keys())).toEqual(working);
  const neglected = [...due].filter(([key, at]) => at <= now && !working.has(key));
  expect(running.size === concurrency || neglected.length === 0, `nobody works on ${neglected}`).toBe(true);
}

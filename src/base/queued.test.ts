import PQueue from 'p-queue';
import { describe, expect, it } from 'vitest';
import { queued } from './queued.ts';
import { settle } from './testing/fake-clock.ts';

const stopped = new Error('stopped');

describe('queued work', () => {
  it('runs in turn, and settles as it ends', async () => {
    const queue = new PQueue({ concurrency: 1 });
    const { signal } = new AbortController();
    const first = Promise.withResolvers<string>();
    const order: string[] = [];
    const one = queued(queue, () => first.promise, signal);
    const two = queued(
      queue,
      async () => {
        order.push('two');
        throw new Error('failed');
      },
      signal,
    );
    await settle();
    expect(order).toEqual([]);
    first.resolve('one');
    expect(await one).toBe('one');
    await expect(two).rejects.toThrow('failed');
  });

  it('rejects at once, and never runs, when the signal fires while it waits', async () => {
    const queue = new PQueue({ concurrency: 1 });
    const controller = new AbortController();
    const first = Promise.withResolvers<void>();
    void queue.add(() => first.promise);
    let hasRun = false;
    const waiting = queued(
      queue,
      async () => {
        hasRun = true;
      },
      controller.signal,
    );
    controller.abort(stopped);
    await expect(waiting).rejects.toBe(stopped);
    first.resolve();
    await queue.onIdle();
    expect(hasRun).toBe(false);
  });

  it('settles only when the work has ended when the signal fires while it runs', async () => {
    const queue = new PQueue({ concurrency: 1 });
    const controller = new AbortController();
    const work = Promise.withResolvers<string>();
    let outcome: string | undefined;
    const running = queued(queue, () => work.promise, controller.signal).then((value) => {
      outcome = value;
    });
    await settle();
    controller.abort(stopped);
    await settle();
    expect(outcome).toBeUndefined();
    work.resolve('done');
    await running;
    expect(outcome).toBe('done');
  });

  it('does not run when the signal has fired before', async () => {
    let hasRun = false;
    const work = async () => {
      hasRun = true;
    };
    await expect(queued(new PQueue(), work, AbortSignal.abort(stopped))).rejects.toBe(stopped);
    expect(hasRun).toBe(false);
  });
});

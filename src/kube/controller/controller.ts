import type { Logger } from 'pino';
import { whenAborted } from '../../base/abort.ts';
import type { BackoffPolicy } from '../../base/backoff.ts';
import type { Clock, Random } from '../../base/clock.ts';
import type { KubeObject } from '../../base/object.ts';
import type { Informer } from '../informer/informer.ts';
import { judgeError, judgeResult, type ReconcileResult, type Verdict } from './outcome.ts';
import { createWorkQueue, type QueueObserver, type WorkQueue } from './queue.ts';

/** An informer whose changes bring keys into the queue. */
export interface Source {
  hasSynced(): boolean;
  waitForSync(signal?: AbortSignal): Promise<void>;
  /** Adds the keys of every change to the queue. Returns a function that stops it. */
  connect(queue: Pick<WorkQueue, 'add' | 'addAfter'>): () => void;
}

export interface ControllerOptions {
  readonly name: string;
  /** How many keys are reconciled at the same time. */
  readonly concurrency: number;
  readonly sources: readonly Source[];
  /** Brings the actual state nearer to the desired one. Gets only the `key`: `namespace/name`, or `name`. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff?: BackoffPolicy;
  readonly observer?: QueueObserver & { outcome?(outcome: Verdict['outcome']): void };
}

/**
 * Maps changes of an informer's objects to keys. `keys` is called with the old and with the new object, since a change may move
 * something from one owner to another.
 */
export function sourceOf<T extends KubeObject>(
  informer: Pick<Informer<T>, 'hasSynced' | 'waitForSync' | 'addHandler'>,
  keys: (object: T) => readonly string[],
): Source {
  return {
    hasSynced: () => informer.hasSynced(),
    waitForSync: (signal) => informer.waitForSync(signal),
    connect: (queue) =>
      informer.addHandler((old, current) => {
        const affected = new Set([
          ...(old === undefined ? [] : keys(old)),
          ...(current === undefined ? [] : keys(current)),
        ]);
        for (const key of affected) {
          queue.add(key);
        }
      }),
  };
}

/**
 * Reconciles the keys that changes bring until the signal fires; then finishes the current reconciles and resolves. Begins when
 * every source has its first complete list, since decisions on half a list are wrong.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const log = options.log.child({ controller: options.name });
  const { concurrency, clock, random, backoff, observer } = options;
  const queue = createWorkQueue({
    concurrency,
    clock,
    random,
    backoff,
    observer,
    work: (key) => workOn(key, { ...options, log }, queue, signal),
    onWorkFailed: (key, error) => log.error({ err: error, object: key }, 'the controller itself failed'),
  });
  const disconnects = options.sources.map((source) => source.connect(queue));
  try {
    await Promise.all(options.sources.map((source) => source.waitForSync(signal)));
    log.info('started');
    queue.start();
    await whenAborted(signal);
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  } finally {
    for (const disconnect of disconnects) {
      disconnect();
    }
    await queue.shutdown();
    log.info('stopped');
  }
}

async function workOn(
  key: string,
  options: ControllerOptions,
  queue: WorkQueue,
  signal: AbortSignal,
): Promise<void> {
  const { log, observer, reconcile } = options;
  let verdict: Verdict;
  try {
    verdict = judgeResult(await reconcile(key, signal));
  } catch (error) {
    if (signal.aborted) {
      log.debug({ err: error, object: key }, 'the shutdown interrupted this reconcile');
      return;
    }
    verdict = judgeError(error);
    if (verdict.isUnexpected) {
      log.error({ err: error, object: key }, 'reconcile failed');
    }
  }
  log.debug({ object: key, outcome: verdict.outcome, message: verdict.message }, 'reconciled');
  observer?.outcome?.(verdict.outcome);
  requeue(key, verdict, queue);
}

function requeue(key: string, { next, outcome }: Verdict, queue: WorkQueue): void {
  if (next.type === 'backoff') {
    queue.addAfterFailure(key);
    return;
  }
  if (outcome !== 'retry') {
    queue.forget(key);
  }
  if (next.type === 'after') {
    queue.addAfter(key, next.ms);
  }
}

import { type BackoffPolicy, backoffDelay } from '../../base/backoff.ts';
import type { Cancel, Clock, Random } from '../../base/clock.ts';

/** Receives a queue's measurements. Times are in milliseconds. */
export interface QueueObserver {
  /** Keys that wait for a worker; delayed ones are not counted. */
  depth(keys: number): void;
  /** How long a key waited: from when it was due (the first event since a worker last took it) until a worker took it. */
  waited(ms: number): void;
  /** How long a worker worked on a key. */
  worked(ms: number): void;
  /** A key was added again after a failure. */
  retried(): void;
}

export interface WorkQueueOptions {
  /** How many keys are worked on at the same time. */
  readonly concurrency: number;
  /** Works on one key. It handles failures itself, and should not reject. */
  readonly work: (key: string) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  /** Delays after failures; by default 50 ms to 5 minutes. */
  readonly backoff?: BackoffPolicy;
  readonly observer?: QueueObserver;
  /** Called when `work` rejects nevertheless; the key is then retried with backoff. */
  readonly onWorkFailed: (key: string, error: unknown) => void;
}

/**
 * Keys to work on. A key is in the queue at most once, and two workers never work on it at the same time. A key that is added
 * while a worker has it is worked on again afterwards.
 */
export interface WorkQueue {
  /** Makes the key due now. */
  add(key: string): void;
  /** Makes the key due in `delayMs`. A key has one due time: the soonest that was set since a worker last took it. */
  addAfter(key: string, delayMs: number): void;
  /** Makes the key due after a delay that grows with every call until `forget`. */
  addAfterFailure(key: string): void;
  /** Resets the count of a key's failures. */
  forget(key: string): void;
  /** Workers take no key before this is called. */
  start(): void;
  /** Takes and accepts no more keys; resolves when the current work has ended. */
  shutdown(): Promise<void>;
}

export const defaultBackoff: BackoffPolicy = { initialMs: 50, maxMs: 300_000 };

/** An empty queue. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new KeyedQueue(options);
}

interface Delayed {
  readonly dueAt: number;
  readonly cancel: Cancel;
}

class KeyedQueue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Keys that are due, in that order, and since when. */
  readonly #ready = new Map<string, number>();
  readonly #delayed = new Map<string, Delayed>();
  /** Keys that a worker has; the value is since when the key is due again, if it is. */
  readonly #working = new Map<string, number | undefined>();
  readonly #failures = new Map<string, number>();
  readonly #idle = Promise.withResolvers<void>();
  #phase: 'waiting' | 'running' | 'stopped' = 'waiting';

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  add(key: string): void {
    if (this.#phase === 'stopped') {
      return;
    }
    this.#cancelDelay(key);
    const now = this.#options.clock.monotonic();
    if (this.#working.has(key)) {
      this.#working.set(key, this.#working.get(key) ?? now);
    } else if (!this.#ready.has(key)) {
      this.#ready.set(key, now);
      this.#options.observer?.depth(this.#ready.size);
      this.#takeMore();
    }
  }

  addAfter(key: string, delayMs: number): void {
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const isDue = this.#ready.has(key) || this.#working.get(key) !== undefined;
    const dueAt = this.#options.clock.monotonic() + delayMs;
    const delayed = this.#delayed.get(key);
    if (this.#phase === 'stopped' || isDue || (delayed !== undefined && delayed.dueAt <= dueAt)) {
      return;
    }
    delayed?.cancel();
    const cancel = this.#options.clock.schedule(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueAt, cancel });
  }

  addAfterFailure(key: string): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#options.observer?.retried();
    this.addAfter(key, backoffDelay(this.#options.backoff ?? defaultBackoff, failures, this.#options.random));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  start(): void {
    if (this.#phase === 'waiting') {
      this.#phase = 'running';
      this.#takeMore();
    }
  }

  shutdown(): Promise<void> {
    this.#phase = 'stopped';
    for (const key of [...this.#delayed.keys()]) {
      this.#cancelDelay(key);
    }
    this.#ready.clear();
    this.#options.observer?.depth(0);
    this.#resolveWhenIdle();
    return this.#idle.promise;
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  #takeMore(): void {
    while (this.#phase === 'running' && this.#working.size < this.#options.concurrency) {
      const next = this.#ready.entries().next();
      if (next.done === true) {
        return;
      }
      const [key, dueAt] = next.value;
      this.#ready.delete(key);
      this.#working.set(key, undefined);
      this.#options.observer?.depth(this.#ready.size);
      this.#options.observer?.waited(this.#options.clock.monotonic() - dueAt);
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    const startedAt = this.#options.clock.monotonic();
    try {
      await this.#options.work(key);
    } catch (error) {
      this.#options.onWorkFailed(key, error);
      this.addAfterFailure(key);
    }
    this.#options.observer?.worked(this.#options.clock.monotonic() - startedAt);
    const dueAgainAt = this.#working.get(key);
    this.#working.delete(key);
    if (dueAgainAt !== undefined && this.#phase !== 'stopped') {
      this.#ready.set(key, dueAgainAt);
    }
    this.#takeMore();
    this.#resolveWhenIdle();
  }

  #resolveWhenIdle(): void {
    if (this.#phase === 'stopped' && this.#working.size === 0) {
      this.#idle.resolve();
    }
  }
}

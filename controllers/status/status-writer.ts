import { type KubeObject, keyOf, type ResourceRef } from '../../src/api/object.ts';
import type { Clock } from '../../src/base/clock.ts';
import { isNotFound } from '../../src/kube/api-error.ts';
import type { Applier } from '../../src/kube/client/apply.ts';
import { done, type ReconcileResult, requeueAfter } from '../../src/kube/controller/outcome.ts';
import { type Debounces, type Urgency, WriteDebouncer } from './write-debouncer.ts';

type WithStatus = KubeObject & { status?: unknown };

/** What came of a status: `isWritten` is the moment to tell people, `result` says when to look again. */
export interface WriteOutcome {
  readonly isWritten: boolean;
  readonly result: ReconcileResult;
}

export interface StatusWriterOptions<T extends WithStatus> {
  readonly applier: Applier;
  readonly ref: ResourceRef<T>;
  readonly clock: Clock;
  readonly debounces: Debounces;
}

/** Writes the statuses of one kind, each when its change is worth a write. What it remembers only saves writes. */
export class StatusWriter<T extends WithStatus> {
  readonly #options: StatusWriterOptions<T>;
  readonly #debouncer: WriteDebouncer;
  /** By key, what was written, and the version of the object that it was written to. */
  readonly #written = new Map<
    string,
    { readonly version: string | undefined; readonly status: T['status'] }
  >();

  constructor(options: StatusWriterOptions<T>) {
    this.#options = options;
    this.#debouncer = new WriteDebouncer(options.debounces, () => options.clock.monotonic());
  }

  /** The object as the cache has it, with the status that was written since: the cache lags behind one's own writes. */
  latest(cached: T): T {
    const written = this.#written.get(keyOf(cached));
    const isBehind = written !== undefined && written.version === cached.metadata.resourceVersion;
    return isBehind ? { ...cached, status: written.status } : cached;
  }

  async write(
    object: T,
    next: NonNullable<T['status']>,
    urgency: Urgency,
    signal: AbortSignal,
  ): Promise<WriteOutcome> {
    const key = keyOf(object);
    const dueIn = this.#debouncer.dueIn(key, urgency, next);
    if (dueIn === undefined) return { isWritten: false, result: done };
    if (dueIn > 0) return { isWritten: false, result: requeueAfter(dueIn) };
    try {
      await this.#options.applier.status(this.#options.ref, object, next, signal);
    } catch (error) {
      // Gone meanwhile: there is nobody to tell.
      if (isNotFound(error)) return { isWritten: false, result: done };
      throw error;
    }
    this.#debouncer.forget(key);
    this.#written.set(key, { version: object.metadata.resourceVersion, status: next });
    return { isWritten: true, result: done };
  }

  /** The object is gone. */
  forget(key: string): void {
    this.#debouncer.forget(key);
    this.#written.delete(key);
  }
}

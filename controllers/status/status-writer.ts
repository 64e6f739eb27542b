import type { Condition } from '../../src/api/conditions.ts';
import type { Clock } from '../../src/base/clock.ts';
import { type KubeObject, keyOf, type ResourceRef } from '../../src/base/object.ts';
import { isNotFound } from '../../src/kube/api-error.ts';
import type { Applier } from '../../src/kube/client/apply.ts';
import { done, type ReconcileResult, requeueAfter } from '../../src/kube/controller/outcome.ts';
import type { Occurrence } from '../../src/kube/events/event-record.ts';
import type { EventRecorder } from '../../src/kube/events/events.ts';
import { type Debounces, type Urgency, WriteDebouncer } from './write-debouncer.ts';

type WithStatus = KubeObject & { status?: { conditions?: readonly Condition[] } };

export interface StatusWriterOptions<T extends WithStatus> {
  readonly applier: Applier;
  readonly ref: ResourceRef<T>;
  readonly clock: Clock;
  readonly debounces: Debounces;
  readonly recorder: Pick<EventRecorder, 'record'>;
  /** The Events that a change of its status is worth. */
  readonly events: (old: T['status'], next: NonNullable<T['status']>) => readonly Occurrence[];
}

/**
 * Writes the statuses of one kind, each when its change is worth a write, and records the Events that follow from it. What it
 * remembers only saves writes.
 */
export class StatusWriter<T extends WithStatus> {
  readonly #options: StatusWriterOptions<T>;
  readonly #debouncer: WriteDebouncer;
  /** By key, the status that was written, and the version of the object before the write. */
  readonly #written = new Map<
    string,
    { readonly version: string | undefined; readonly status: T['status'] }
  >();

  constructor(options: StatusWriterOptions<T>) {
    this.#options = options;
    this.#debouncer = new WriteDebouncer(options.debounces, () => options.clock.monotonic());
  }

  /** The cached object with the status that was written last: the cache lags behind our own writes. */
  latest(cached: T): T {
    const written = this.#written.get(keyOf(cached));
    const isBehind = written !== undefined && written.version === cached.metadata.resourceVersion;
    return isBehind ? { ...cached, status: written.status } : cached;
  }

  /**
   * Writes the status now, later or not at all. Events are recorded only after the write: a status that waits, or that the API
   * server refuses, has none.
   * @returns when to reconcile the object again
   */
  async write(
    object: T,
    next: NonNullable<T['status']>,
    urgency: Urgency,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { applier, ref, recorder, events } = this.#options;
    const key = keyOf(object);
    const dueIn = this.#debouncer.dueIn(key, urgency, next);
    if (dueIn === undefined) return done;
    if (dueIn > 0) return requeueAfter(dueIn);
    try {
      await applier.status(ref, object, next, signal);
    } catch (error) {
      // The object was deleted meanwhile, so its status matters to nobody.
      if (isNotFound(error)) return done;
      throw error;
    }
    this.#debouncer.forget(key);
    this.#written.set(key, { version: object.metadata.resourceVersion, status: next });
    for (const occurrence of events(object.status, next)) recorder.record(object, occurrence);
    return done;
  }

  /** The object is gone. */
  forget(key: string): void {
    this.#debouncer.forget(key);
    this.#written.delete(key);
  }
}

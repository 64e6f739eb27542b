import type { KubeObject } from '../types.ts';
import { Bucket } from './bucket.ts';
import { ChangeLog } from './change-log.ts';
import type { SqliteFile } from './sqlite.ts';
import type { Change, ChangeType, HistoryLimits, ObjectStore, StoredObject } from './store.ts';

interface Batch {
  readonly changes: Change[];
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function newBatch(): Batch {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Waiting callers see the failure, and the log records it; an unhandled rejection must not end the process.
  promise.catch(() => undefined);
  return { changes: [], done: promise, resolve, reject };
}

/** Upper limit of the gathering time: on a slow disk, writes must not wait twice as long. */
const LONGEST_GATHER_MS = 10;

/**
 * The store: all objects in memory, every change in SQLite. Writes that arrive within about the time of one commit share a
 * transaction: a burst costs few fsyncs, and commits never take more than half of the time. A batch that cannot be written
 * (disk full) is undone in memory, and everyone who waits for it gets the error.
 */
export class DurableStore implements ObjectStore {
  readonly #file: SqliteFile;
  readonly #now: () => number;
  readonly #failed: (error: unknown) => void;
  readonly #buckets = new Map<string, Bucket>();
  readonly #log: ChangeLog;
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  #revision: number;
  #committedRevision: number;
  #batch: Batch | undefined;
  /** How long the last commit took, in milliseconds. */
  #commitMs = 0;
  #closed = false;

  /** @param failed called when a batch could not be written, in addition to those who wait for it */
  constructor(file: SqliteFile, limits: HistoryLimits, now: () => number, failed: (error: unknown) => void) {
    this.#file = file;
    this.#now = now;
    this.#failed = failed;
    const { objects, changes, compactedRevision } = file.load();
    const sorted = objects.sort((a, b) => (a.stored.key < b.stored.key ? -1 : 1));
    for (const { bucket, stored } of sorted) this.#bucket(bucket).set(stored);
    this.#log = new ChangeLog(limits, changes, compactedRevision);
    // resourceVersion 0 means "any" to clients: revisions start at 1, so that even an empty server has a version.
    this.#revision = Math.max(1, this.#log.lastRevision);
    this.#committedRevision = this.#revision;
  }

  get revision(): number {
    return this.#revision;
  }

  get committedRevision(): number {
    return this.#committedRevision;
  }

  get compactedRevision(): number {
    return this.#log.compactedRevision;
  }

  get(bucket: string, key: string): StoredObject | undefined {
    return this.#buckets.get(bucket)?.get(key);
  }

  list(bucket: string, prefix: string): StoredObject[] {
    return this.#buckets.get(bucket)?.list(prefix) ?? [];
  }

  listAt(bucket: string, prefix: string, revision: number): StoredObject[] | undefined {
    const since = this.#log.after(revision, this.#revision, Number.POSITIVE_INFINITY);
    if (since === undefined) return undefined;
    const past = new Bucket();
    for (const stored of this.list(bucket, prefix)) past.set(stored);
    for (const change of since.reverse()) {
      if (change.bucket !== bucket || !change.current.key.startsWith(prefix)) continue;
      if (change.previous === undefined) past.delete(change.current.key);
      else past.set(change.previous);
    }
    return past.list(prefix);
  }

  put(bucket: string, key: string, object: KubeObject): StoredObject {
    const previous = this.get(bucket, key);
    const current = this.#next(key, object);
    this.#bucket(bucket).set(current);
    this.#record(previous === undefined ? 'ADDED' : 'MODIFIED', bucket, current, previous);
    return current;
  }

  remove(bucket: string, key: string): StoredObject {
    const previous = this.get(bucket, key);
    if (previous === undefined) throw new Error(`there is no ${key} in ${bucket} to remove`);
    const { object } = previous;
    const current = this.#next(key, { ...object, metadata: { ...object.metadata } });
    this.#bucket(bucket).delete(key);
    this.#record('DELETED', bucket, current, previous);
    return current;
  }

  committed(): Promise<void> {
    return this.#batch?.done ?? Promise.resolve();
  }

  changesAfter(revision: number, limit: number): Change[] | undefined {
    return this.#log.after(revision, this.#committedRevision, limit);
  }

  subscribe(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  compact(): void {
    if (this.#batch !== undefined) return;
    const due = this.#log.due(this.#now());
    if (due === undefined) return;
    this.#file.commit([], due);
    this.#log.forget(due);
  }

  close(): void {
    this.#flush();
    this.#closed = true;
    this.#file.close();
  }

  #bucket(name: string): Bucket {
    const found = this.#buckets.get(name);
    if (found !== undefined) return found;
    const bucket = new Bucket();
    this.#buckets.set(name, bucket);
    return bucket;
  }

  #next(key: string, object: KubeObject): StoredObject {
    if (this.#closed) throw new Error('the store is closed');
    const revision = this.#revision + 1;
    object.metadata.resourceVersion = String(revision);
    const json = JSON.stringify(object);
    this.#revision = revision;
    return { key, revision, object, json };
  }

  #record(type: ChangeType, bucket: string, current: StoredObject, previous: StoredObject | undefined): void {
    const change = { type, bucket, revision: current.revision, current, previous, at: this.#now() };
    this.#log.append(change);
    if (this.#batch === undefined) {
      this.#batch = newBatch();
      this.#flushSoon();
    }
    this.#batch.changes.push(change);
  }

  #flushSoon(): void {
    const gatherMs = Math.min(this.#commitMs, LONGEST_GATHER_MS);
    if (gatherMs < 1) setImmediate(() => this.#flush());
    else setTimeout(() => this.#flush(), gatherMs);
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    const due = this.#log.due(this.#now());
    // The newest batch stays, so that watchers can read it.
    const first = batch.changes[0]?.revision ?? 0;
    const compactTo = due === undefined ? undefined : Math.min(due, first - 1);
    const startedAt = this.#now();
    try {
      this.#file.commit(batch.changes, compactTo);
    } catch (error) {
      this.#undo(batch.changes);
      batch.reject(error);
      this.#failed(error);
      return;
    }
    this.#commitMs = this.#now() - startedAt;
    this.#committedRevision = this.#revision;
    for (const listener of this.#listeners) listener(batch.changes);
    // After the listeners, so that a watcher that keeps up never expires.
    if (compactTo !== undefined) this.#log.forget(compactTo);
    batch.resolve();
  }

  #undo(changes: readonly Change[]): void {
    for (const { bucket, current, previous } of changes.toReversed()) {
      if (previous === undefined) this.#bucket(bucket).delete(current.key);
      else this.#bucket(bucket).set(previous);
      this.#log.pop();
    }
    this.#revision = this.#committedRevision;
  }
}

import { storageFull } from '../status-errors.ts';
import type { KubeObject } from '../types.ts';
import { Bucket } from './bucket.ts';
import { ChangeLog } from './change-log.ts';
import { isFull, mayNeedSpace, type SqliteFile } from './sqlite.ts';
import type { Change, ChangeType, HistoryLimits, ObjectStore, StoredObject } from './store.ts';

interface Batch {
  readonly changes: Change[];
  /** Whether some of the changes may use the reserve. */
  urgent: boolean;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What the writes of a batch may use. */
interface Space {
  readonly urgent: boolean;
  /** History up to this revision goes, and up to `newest` on a full disk. */
  readonly compactTo: number | undefined;
  readonly newest: number;
}

/** What was written of a batch; the rest failed. */
interface Outcome {
  readonly changes: readonly Change[];
  readonly compactedTo: number | undefined;
  readonly failure?: unknown;
}

function newBatch(): Batch {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Waiting callers see the failure, and the log records it; an unhandled rejection must not end the process.
  promise.catch(() => undefined);
  return { changes: [], urgent: false, done: promise, resolve, reject };
}

/** Upper limit of the gathering time: on a slow disk, writes must not wait twice as long. */
const LONGEST_GATHER_MS = 10;
/** Changes in one transaction on a full disk: the journal has to hold them. */
const SCARCE_CHANGES = 50;

/**
 * The store: all objects in memory, every change in SQLite. Writes that arrive within about the time of one commit share a
 * transaction: a burst costs few fsyncs, and commits never take more than half of the time. A batch that cannot be written
 * is undone in memory, and everyone who waits for it gets the error. On a full disk, deletions go on in the space that is reserved for
 * them, and so do writes of objects that are being deleted, without which no deletion would end; other writes are refused.
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
  /** Whether all writes may use the reserve. */
  #urgent = false;

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
    const listed = this.list(bucket, prefix);
    const others = since.filter((one) => one.bucket === bucket && one.current.key.startsWith(prefix));
    // As in most lists that are read page by page.
    if (others.length === 0) return listed;
    const past = new Bucket();
    for (const stored of listed) past.set(stored);
    for (const change of others.reverse()) {
      if (change.previous === undefined) past.delete(change.current.key);
      else past.set(change.previous);
    }
    return past.list(prefix);
  }

  put(bucket: string, key: string, object: KubeObject): StoredObject {
    const urgent = this.#urgent || object.metadata.deletionTimestamp !== undefined;
    if (!urgent && !this.#hasReserve()) throw storageFull(this.#file.path);
    const previous = this.get(bucket, key);
    const current = this.#next(key, object);
    this.#bucket(bucket).set(current);
    this.#record(previous === undefined ? 'ADDED' : 'MODIFIED', bucket, current, previous);
    this.#markUrgent(urgent);
    return current;
  }

  remove(bucket: string, key: string): StoredObject {
    const previous = this.get(bucket, key);
    if (previous === undefined) throw new Error(`there is no ${key} in ${bucket} to remove`);
    const { object } = previous;
    const current = this.#next(key, { ...object, metadata: { ...object.metadata } });
    this.#bucket(bucket).delete(key);
    this.#record('DELETED', bucket, current, previous);
    this.#markUrgent(true);
    return current;
  }

  withReserve(work: () => void): void {
    this.#urgent = true;
    try {
      work();
    } finally {
      this.#urgent = false;
    }
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
    const written = this.#write([], { urgent: true, compactTo: due, newest: due });
    this.#tell(written);
    if (written.failure !== undefined) throw written.failure;
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
    const newest = (batch.changes[0]?.revision ?? 0) - 1;
    const compactTo = due === undefined ? undefined : Math.min(due, newest);
    const startedAt = this.#now();
    const { failure, ...written } = this.#write(batch.changes, { urgent: batch.urgent, compactTo, newest });
    if (failure !== undefined) this.#undo(batch.changes.slice(written.changes.length));
    else this.#commitMs = this.#now() - startedAt;
    this.#tell(written);
    if (failure === undefined) {
      batch.resolve();
      return;
    }
    batch.reject(isFull(failure) ? storageFull(this.#file.path) : failure);
    this.#failed(failure);
  }

  /** Writes the changes in one transaction; on a full disk, if they may use the reserve, in several small ones. */
  #write(changes: readonly Change[], { urgent, compactTo, newest }: Space): Outcome {
    const { reserve } = this.#file;
    if (reserve.whole) {
      try {
        this.#file.commit(changes, compactTo);
        return { changes, compactedTo: compactTo };
      } catch (failure) {
        if (!urgent || !mayNeedSpace(failure)) return { changes: [], compactedTo: undefined, failure };
      }
    }
    let done = 0;
    let compactedTo: number | undefined;
    try {
      do {
        reserve.release();
        const end = Math.min(done + SCARCE_CHANGES, changes.length);
        // All older history goes, so that a deletion takes no more space than it frees.
        this.#file.commit(changes.slice(done, end), newest);
        this.#file.checkpoint();
        compactedTo = newest;
        done = end;
        // What is left, before other programs take it.
        reserve.take();
      } while (done < changes.length);
      return { changes, compactedTo };
    } catch (failure) {
      reserve.take();
      return { changes: changes.slice(0, done), compactedTo, failure };
    }
  }

  #tell({ changes, compactedTo }: Outcome): void {
    const last = changes.at(-1);
    if (last !== undefined) {
      this.#committedRevision = last.revision;
      for (const listener of this.#listeners) listener(changes);
    }
    // After the listeners, so that a watcher that keeps up never expires.
    if (compactedTo !== undefined) this.#log.forget(compactedTo);
  }

  /** Whether there is space for all writes. Space that was freed meanwhile is reserved again first. */
  #hasReserve(): boolean {
    const { reserve } = this.#file;
    return reserve.whole || reserve.take();
  }

  #markUrgent(urgent: boolean): void {
    if (urgent && this.#batch !== undefined) this.#batch.urgent = true;
  }

  /** Undoes the newest changes in memory. */
  #undo(changes: readonly Change[]): void {
    for (const { bucket, current, previous } of changes.toReversed()) {
      if (previous === undefined) this.#bucket(bucket).delete(current.key);
      else this.#bucket(bucket).set(previous);
      this.#log.pop();
      this.#revision = current.revision - 1;
    }
  }
}

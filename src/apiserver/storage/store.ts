import type { KubeObject } from '../types.ts';

/** One version of one object. Never mutated: readers and watchers hold on to it. */
export interface StoredObject {
  /** `namespace/name`, or `name` of a cluster-scoped object. */
  readonly key: string;
  readonly revision: number;
  readonly object: KubeObject;
  /** The object as JSON, serialized once and sent to all readers. */
  readonly json: string;
}

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One entry of the change log. For a deletion `current` is the last state, with the deletion's revision. */
export interface Change {
  readonly type: ChangeType;
  readonly bucket: string;
  readonly revision: number;
  readonly current: StoredObject;
  readonly previous: StoredObject | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * The object store. Objects live in buckets, one per resource for all its versions; all buckets share one revision
 * counter. `get` and `list` see writes at once. Writes are durable, and watchers see them, when `committed()` has
 * resolved: every answer to a client, of a read too, waits for it, so that no client sees a write that a crash could undo.
 */
export interface ObjectStore {
  /** Revision of the newest write, durable or not. */
  readonly revision: number;
  /** Revision up to which watchers have been notified. */
  readonly committedRevision: number;
  /** History up to and including this revision is gone. */
  readonly compactedRevision: number;
  get(bucket: string, key: string): StoredObject | undefined;
  /** Sorted by key; `prefix` is `namespace/` or ''. */
  list(bucket: string, prefix: string): StoredObject[];
  /** The list at `revision`; undefined when that history is compacted. */
  listAt(bucket: string, prefix: string, revision: number): StoredObject[] | undefined;
  /**
   * Writes the object with its new resourceVersion; the store takes ownership of the object. Throws 507 when the disk is full, unless
   * the object is being deleted.
   */
  put(bucket: string, key: string, object: KubeObject): StoredObject;
  /** Removes the object; returns its last state. */
  remove(bucket: string, key: string): StoredObject;
  /** Lets the writes of `work`, which is synchronous, use the space that is reserved for deletions. */
  withReserve(work: () => void): void;
  /** Resolves when everything written so far is on disk; rejects when it could not be written and was undone. */
  committed(): Promise<void>;
  /** Durable changes after `revision`, oldest first, at most `limit`; undefined when compacted. */
  changesAfter(revision: number, limit: number): Change[] | undefined;
  /** Calls the listener after each commit; returns a function that unsubscribes. */
  subscribe(listener: (changes: readonly Change[]) => void): () => void;
  /** Removes history beyond the limits; every commit also does this. */
  compact(): void;
  close(): void;
}

/** How much history watchers can resume from. */
export interface HistoryLimits {
  readonly maxChanges: number;
  readonly maxAgeMs: number;
}

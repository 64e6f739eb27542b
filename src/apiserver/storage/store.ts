import type { KubeObject } from '../types.ts';

/** One version of one object. Never mutated: readers and watchers hold on to it. */
export interface StoredObject {
  /** `namespace/name`, or `name` of a cluster-scoped object. */
  readonly key: string;
  readonly revision: number;
  readonly object: KubeObject;
  /** The object as JSON, written once and then sent to whoever asks. */
  readonly json: string;
}

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One entry of the change log. Of a deletion `current` is the last state, carrying the deletion's revision. */
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
 * What the server keeps its objects in. Objects live in buckets (one per resource, whatever its versions); all
 * buckets count by one revision. Writes show at once to `get` and `list`, and are durable, and seen by watchers,
 * when `committed()` has resolved: whoever answers a client waits for it, readers too, so that nobody
 * is told of a write that a crash could undo.
 */
export interface ObjectStore {
  /** Revision of the newest write, durable or not. */
  readonly revision: number;
  /** Revision up to which watchers have been told. */
  readonly committedRevision: number;
  /** History up to and including this revision is gone. */
  readonly compactedRevision: number;
  get(bucket: string, key: string): StoredObject | undefined;
  /** Sorted by key; `prefix` is `namespace/` or ''. */
  list(bucket: string, prefix: string): StoredObject[];
  /** As it was at `revision`; undefined when that history is compacted. */
  listAt(bucket: string, prefix: string, revision: number): StoredObject[] | undefined;
  /** Writes the object with its new resourceVersion filled in (the object given becomes the store's own). */
  put(bucket: string, key: string, object: KubeObject): StoredObject;
  /** Removes the object; returns its last state. */
  remove(bucket: string, key: string): StoredObject;
  /** Resolves when everything written so far is on disk; rejects when it could not be written and was undone. */
  committed(): Promise<void>;
  /** Durable changes after `revision`, oldest first, at most `limit`; undefined when compacted. */
  changesAfter(revision: number, limit: number): Change[] | undefined;
  /** Called after each commit; returns how to stop. */
  subscribe(listener: (changes: readonly Change[]) => void): () => void;
  /** Forgets history older than allowed; also done by the way on every commit. */
  compact(): void;
  close(): void;
}

/** How much history watchers can resume from. */
export interface HistoryLimits {
  readonly maxChanges: number;
  readonly maxAgeMs: number;
}

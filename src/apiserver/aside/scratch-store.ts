import { Bucket } from '../storage/bucket.ts';
import type { ObjectStore, StoredObject } from '../storage/store.ts';
import type { KubeObject } from '../types.ts';
import type { Entry, Write } from './messages.ts';

/** The object of an entry. */
export function storedOf({ key, revision, json }: Entry): StoredObject {
  return { key, revision, json, object: JSON.parse(json) as KubeObject };
}

/** The store of one job: the objects that it was given. It notes what is read, and the one write, and keeps nothing. */
export class ScratchStore implements ObjectStore {
  #buckets = new Map<string, Bucket>();
  #reads: Pick<Entry, 'bucket' | 'key'>[] = [];
  #write: Write | undefined;
  #pendingRevision = 0;

  get reads(): readonly Pick<Entry, 'bucket' | 'key'>[] {
    return this.#reads;
  }

  get write(): Write | undefined {
    return this.#write;
  }

  /** Forgets the job before. @param pendingRevision the resourceVersion of what is written, until the server gives it one */
  begin(entries: readonly Entry[], pendingRevision: number): void {
    this.#buckets = new Map();
    this.#reads = [];
    this.#write = undefined;
    this.#pendingRevision = pendingRevision;
    for (const entry of entries) {
      const inBucket = this.#buckets.get(entry.bucket) ?? new Bucket();
      inBucket.set(storedOf(entry));
      this.#buckets.set(entry.bucket, inBucket);
    }
  }

  get(bucket: string, key: string): StoredObject | undefined {
    this.#reads.push({ bucket, key });
    return this.#buckets.get(bucket)?.get(key);
  }

  list(bucket: string, prefix: string): StoredObject[] {
    return this.#buckets.get(bucket)?.list(prefix) ?? [];
  }

  put(bucket: string, key: string, object: KubeObject): StoredObject {
    return this.#written('put', bucket, key, object);
  }

  remove(bucket: string, key: string): StoredObject {
    const { object } = this.get(bucket, key) ?? {};
    if (object === undefined) throw new Error(`there is no ${key} in ${bucket} to remove`);
    return this.#written('remove', bucket, key, { ...object, metadata: { ...object.metadata } });
  }

  #written(type: Write['type'], bucket: string, key: string, object: KubeObject): StoredObject {
    if (this.#write !== undefined) throw new Error('a job writes one object');
    object.metadata.resourceVersion = String(this.#pendingRevision);
    const json = JSON.stringify(object);
    this.#write = { type, bucket, key, json };
    return { key, revision: this.#pendingRevision, object, json };
  }

  // What handlers do not use: nothing is on a disk, and there is no history.
  readonly revision = 0;
  readonly committedRevision = 0;
  readonly compactedRevision = 0;
  readonly listAt = (): undefined => undefined;
  readonly changesAfter = (): undefined => undefined;
  readonly subscribe = (): (() => void) => this.close;
  readonly withReserve = (work: () => void): void => work();
  readonly committed = (): Promise<void> => Promise.resolve();
  readonly compact = (): void => undefined;
  readonly close = (): void => undefined;
}

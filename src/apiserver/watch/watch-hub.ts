import type { ObjectStore } from '../storage/store.ts';
import type { WatchStream } from './watch-stream.ts';

/** All open watches: wakes those whose resource changed, and ends them when the server stops or the resource goes. */
export class WatchHub {
  readonly #streams = new Map<string, Set<WatchStream>>();
  readonly #unsubscribe: () => void;

  constructor(store: ObjectStore) {
    this.#unsubscribe = store.subscribe((changes) => {
      for (const bucket of new Set(changes.map((change) => change.bucket))) {
        for (const stream of this.#streams.get(bucket) ?? []) stream.wake();
      }
    });
  }

  add(bucket: string, stream: WatchStream): void {
    const streams = this.#streams.get(bucket) ?? new Set();
    this.#streams.set(bucket, streams.add(stream));
  }

  remove(bucket: string, stream: WatchStream): void {
    this.#streams.get(bucket)?.delete(stream);
  }

  /** Ends the watches of a resource that is no longer served. */
  endBucket(bucket: string): void {
    for (const stream of [...(this.#streams.get(bucket) ?? [])]) stream.end();
  }

  close(): void {
    this.#unsubscribe();
    for (const bucket of this.#streams.keys()) this.endBucket(bucket);
  }
}

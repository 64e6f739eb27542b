import type { StoredObject } from './store.ts';

/** First index at which `keys` (sorted) is not less than `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The objects of one resource by key, in key order, as etcd would list them. */
export class Bucket {
  readonly #objects = new Map<string, StoredObject>();
  readonly #keys: string[] = [];

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  set(stored: StoredObject): void {
    if (!this.#objects.has(stored.key)) {
      // Loading and appending are the common cases: no search, no shift.
      const last = this.#keys.at(-1);
      if (last === undefined || last < stored.key) this.#keys.push(stored.key);
      else this.#keys.splice(lowerBound(this.#keys, stored.key), 0, stored.key);
    }
    this.#objects.set(stored.key, stored);
  }

  delete(key: string): void {
    if (this.#objects.delete(key)) this.#keys.splice(lowerBound(this.#keys, key), 1);
  }

  list(prefix: string): StoredObject[] {
    const found: StoredObject[] = [];
    for (let index = lowerBound(this.#keys, prefix); index < this.#keys.length; index++) {
      const key = this.#keys[index] as string;
      if (!key.startsWith(prefix)) break;
      const stored = this.#objects.get(key);
      if (stored !== undefined) found.push(stored);
    }
    return found;
  }
}

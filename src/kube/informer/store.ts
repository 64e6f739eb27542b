import { type KubeObject, keyOf } from '../../base/object.ts';
import { own } from '../../base/own.ts';

/** The values under which an index finds an object; without values the index does not contain it. */
export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[];

/** Objects by key, and by any number of indexes. */
export interface Store<T extends KubeObject> {
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  keys(): IterableIterator<string>;
  readonly size: number;
  /** @throws {Error} when there is no index of that name */
  byIndex(index: string, value: string): readonly T[];
  /** Returns the object that it replaces. */
  set(object: T): T | undefined;
  /** Returns the object that it deletes. */
  delete(key: string): T | undefined;
}

/**
 * An empty store with the given indexes. An object for which an index function throws is left out of that index; `onIndexError`
 * hears of it when the object comes. Otherwise one odd object would keep the rest of a list out of the store.
 */
export function createStore<T extends KubeObject>(
  indexFunctions: Readonly<Record<string, IndexFunction<T>>> = {},
  onIndexError: (error: unknown, object: T) => void = () => undefined,
): Store<T> {
  const objects = new Map<string, T>();
  const indexes = new Map<string, Map<string, Set<string>>>();
  for (const name of Object.keys(indexFunctions)) {
    indexes.set(name, new Map());
  }

  const valuesOf = (name: string, object: T, onError: typeof onIndexError) => {
    try {
      return own(indexFunctions, name)?.(object) ?? [];
    } catch (error) {
      onError(error, object);
      return [];
    }
  };
  const unindex = (key: string, object: T) => {
    for (const [name, keysByValue] of indexes) {
      for (const value of valuesOf(name, object, () => undefined)) {
        const keys = keysByValue.get(value);
        keys?.delete(key);
        if (keys?.size === 0) {
          keysByValue.delete(value);
        }
      }
    }
  };
  const index = (key: string, object: T) => {
    for (const [name, keysByValue] of indexes) {
      for (const value of valuesOf(name, object, onIndexError)) {
        const keys = keysByValue.get(value) ?? new Set();
        keysByValue.set(value, keys.add(key));
      }
    }
  };
  const remove = (key: string): T | undefined => {
    const old = objects.get(key);
    if (old !== undefined) {
      objects.delete(key);
      unindex(key, old);
    }
    return old;
  };

  return {
    get: (key) => objects.get(key),
    values: () => objects.values(),
    keys: () => objects.keys(),
    get size() {
      return objects.size;
    },
    byIndex: (name, value) => {
      const keysByValue = indexes.get(name);
      if (keysByValue === undefined) {
        throw new Error(`there is no index '${name}', only: ${[...indexes.keys()].join(', ') || 'none'}`);
      }
      return [...(keysByValue.get(value) ?? [])].flatMap((key) => objects.get(key) ?? []);
    },
    set: (object) => {
      const key = keyOf(object);
      const old = objects.get(key);
      if (old !== undefined) {
        unindex(key, old);
      }
      objects.set(key, object);
      index(key, object);
      return old;
    },
    delete: remove,
  };
}

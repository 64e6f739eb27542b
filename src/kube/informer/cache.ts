import type { Logger } from 'pino';
import { type KubeObject, keyOf } from '../../api/object.ts';
import { createStore, type IndexFunction, type Store } from './store.ts';

/**
 * Told of every change: `old` is missing for a new object, `current` for one that is gone. It should only note
 * what to look at (add a key to a queue); what it throws is logged and counted and stops nothing.
 */
export type ChangeHandler<T extends KubeObject> = (old: T | undefined, current: T | undefined) => void;

/** What an informer knows, and who is told when that changes. */
export interface Cache<T extends KubeObject> {
  readonly store: Store<T>;
  /** Adds a handler and tells it of every object that is known already. Returns how to remove it. */
  addHandler(handler: ChangeHandler<T>): () => void;
  upsert(object: T): void;
  remove(object: T): void;
  /** Makes the cache hold exactly these, telling of every difference. */
  replaceAll(objects: readonly T[]): void;
  /** Tells every handler of every object again, as a change from itself to itself. */
  resync(): void;
}

export interface CacheOptions<T extends KubeObject> {
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  readonly log: Logger;
  readonly onHandlerError: () => void;
}

/** An empty cache. */
export function createCache<T extends KubeObject>(options: CacheOptions<T>): Cache<T> {
  const store = createStore<T>(options.indexes);
  const handlers = new Set<ChangeHandler<T>>();

  const failed = (error: unknown, object: T | undefined) => {
    options.onHandlerError();
    const key = object === undefined ? undefined : keyOf(object);
    options.log.error({ err: error, object: key }, 'a handler of changes failed');
  };
  const call = (handler: ChangeHandler<T>, old: T | undefined, current: T | undefined) => {
    try {
      // An async function fits the type as well: its rejection must not end the process.
      const result: unknown = handler(old, current);
      if (result instanceof Promise) {
        result.catch((error: unknown) => failed(error, current ?? old));
      }
    } catch (error) {
      failed(error, current ?? old);
    }
  };
  const tell = (old: T | undefined, current: T | undefined) => {
    for (const handler of handlers) {
      call(handler, old, current);
    }
  };
  const upsert = (object: T) => {
    const old = store.set(object);
    if (old === undefined || old.metadata.uid === object.metadata.uid) {
      if (old?.metadata.resourceVersion !== object.metadata.resourceVersion || old === undefined) {
        tell(old, object);
      }
      return;
    }
    // Same name, other object: the old one's deletion was missed.
    tell(old, undefined);
    tell(undefined, object);
  };
  const removeKey = (key: string, last?: T) => {
    const old = store.delete(key);
    if (old !== undefined) {
      tell(last ?? old, undefined);
    }
  };

  return {
    store,
    upsert,
    remove: (object) => removeKey(keyOf(object), object),
    replaceAll: (objects) => {
      const present = new Set(objects.map((object) => keyOf(object)));
      for (const key of [...store.keys()].filter((known) => !present.has(known))) {
        removeKey(key);
      }
      for (const object of objects) {
        upsert(object);
      }
    },
    resync: () => {
      for (const object of [...store.values()]) {
        tell(object, object);
      }
    },
    addHandler: (handler) => {
      handlers.add(handler);
      for (const object of [...store.values()]) {
        call(handler, undefined, object);
      }
      return () => {
        handlers.delete(handler);
      };
    },
  };
}

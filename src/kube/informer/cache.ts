import type { Logger } from 'pino';
import { type KubeObject, keyOf } from '../../base/object.ts';
import { createStore, type IndexFunction, type Store } from './store.ts';

/**
 * Called on every change: without `old` for a new object, without `current` for a deleted one. It should only add keys to a
 * queue. Its errors are logged and counted, and stop nothing.
 */
export type ChangeHandler<T extends KubeObject> = (old: T | undefined, current: T | undefined) => void;

/** The objects that an informer knows, and the handlers that it calls when they change. */
export interface Cache<T extends KubeObject> {
  readonly store: Store<T>;
  /** Adds a handler and calls it with every object that is already known. Returns a function that removes it. */
  addHandler(handler: ChangeHandler<T>): () => void;
  upsert(object: T): void;
  remove(object: T): void;
  /** Makes the cache hold exactly these objects, and calls the handlers for every difference. */
  replaceAll(objects: readonly T[]): void;
  /** Calls every handler with every object again, as a change from itself to itself. */
  resync(): void;
}

export interface CacheOptions<T extends KubeObject> {
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  readonly log: Logger;
  readonly onHandlerError: () => void;
}

/** An empty cache. */
export function createCache<T extends KubeObject>(options: CacheOptions<T>): Cache<T> {
  const handlers = new Set<ChangeHandler<T>>();

  const failed = (error: unknown, object: T | undefined) => {
    options.onHandlerError();
    const key = object === undefined ? undefined : keyOf(object);
    options.log.error({ err: error, object: key }, 'a handler of changes failed');
  };
  const store = createStore<T>(options.indexes, (error, object) =>
    options.log.error({ err: error, object: keyOf(object) }, 'an index leaves this object out'),
  );
  const call = (handler: ChangeHandler<T>, old: T | undefined, current: T | undefined) => {
    try {
      // The type also admits async functions; their rejection must not end the process.
      const result: unknown = handler(old, current);
      if (result instanceof Promise) {
        result.catch((error: unknown) => failed(error, current ?? old));
      }
    } catch (error) {
      failed(error, current ?? old);
    }
  };
  const notify = (old: T | undefined, current: T | undefined) => {
    for (const handler of handlers) {
      call(handler, old, current);
    }
  };
  const upsert = (object: T) => {
    const old = store.set(object);
    if (old === undefined || old.metadata.uid === object.metadata.uid) {
      if (old?.metadata.resourceVersion !== object.metadata.resourceVersion || old === undefined) {
        notify(old, object);
      }
      return;
    }
    // Another object has the same name: the deletion of the old one was missed.
    notify(old, undefined);
    notify(undefined, object);
  };
  const removeKey = (key: string, last?: T) => {
    const old = store.delete(key);
    if (old !== undefined) {
      notify(last ?? old, undefined);
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
        notify(object, object);
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

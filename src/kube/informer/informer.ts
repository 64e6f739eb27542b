import type { Logger } from 'pino';
import { orAborted } from '../../base/abort.ts';
import type { Clock, Random } from '../../base/clock.ts';
import type { KubeObject, ResourceRef } from '../../base/object.ts';
import type { KubeClient } from '../client/client.ts';
import { listAll } from '../client/list-all.ts';
import { type Cache, type ChangeHandler, createCache } from './cache.ts';
import type { IndexFunction } from './store.ts';
import { type InformerEvent, type Stream, type StreamState, supervise } from './supervisor.ts';

export interface InformerOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly ref: ResourceRef<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** All namespaces by default. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** Reduces each object to what is cached; by default drops metadata.managedFields, which are large and never read. */
  readonly transform?: (object: T) => T;
  /** Milliseconds between calls of the handlers with every object; never by default. */
  readonly resyncMs?: number;
  /** A watch that is silent for this many milliseconds counts as dead. API servers send a bookmark every minute. */
  readonly idleMs?: number;
  readonly observe?: (event: InformerEvent) => void;
}

/**
 * A cache of one resource's objects that follows the API server while it runs, whatever happens to connections and servers.
 * Its objects are shared: read them, never change them.
 */
export interface Informer<T extends KubeObject> {
  readonly ref: ResourceRef<T>;
  /** Follows the API server until the signal fires; then resolves. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Whether a complete list has arrived since the start. */
  hasSynced(): boolean;
  /** Resolves when `hasSynced()` is true; rejects with the signal's reason. */
  waitForSync(signal?: AbortSignal): Promise<void>;
  /** By key: `namespace/name`, or `name` of cluster-scoped objects. */
  get(key: string): T | undefined;
  list(): T[];
  /** @throws {Error} when there is no index of that name */
  byIndex(index: string, value: string): readonly T[];
  /** Calls the handler with every object that is already known, then on every change. Returns a function that removes it. */
  addHandler(handler: ChangeHandler<T>): () => void;
}

/** An informer; nothing happens before `run`. */
export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const log = options.log.child({ informer: options.ref.plural });
  const observe = options.observe ?? (() => undefined);
  const cache = createCache<T>({
    indexes: options.indexes,
    log,
    onHandlerError: () => observe({ type: 'handlerFailed' }),
  });
  const synced = Promise.withResolvers<void>();
  const state: StreamState = { resourceVersion: undefined, hasSynced: false };
  const stream = createStream(options, cache, state, (objects) => {
    synced.resolve();
    observe({ type: 'listed', objects });
  });

  return {
    ref: options.ref,
    run: async (signal) => {
      const cancelResync = startResync(options, cache.resync);
      try {
        await supervise(stream, { ...options, log, observe }, signal);
      } finally {
        cancelResync();
      }
    },
    hasSynced: () => state.hasSynced,
    waitForSync: (signal) => orAborted(synced.promise, signal),
    get: (key) => cache.store.get(key),
    list: () => [...cache.store.values()],
    byIndex: (index, value) => cache.store.byIndex(index, value),
    addHandler: (handler) => cache.addHandler(handler),
  };
}

function createStream<T extends KubeObject>(
  options: InformerOptions<T>,
  cache: Cache<T>,
  state: StreamState,
  onListed: (objects: number) => void,
): Stream {
  const { namespace, labelSelector, fieldSelector, client, ref } = options;
  const scope = { namespace, labelSelector, fieldSelector };
  const transform = options.transform ?? withoutManagedFields;
  return {
    state,
    relist: async (signal) => {
      const list = await listAll(client, ref, { ...scope, signal });
      cache.replaceAll(list.items.map(transform));
      state.resourceVersion = list.resourceVersion;
      state.hasSynced = true;
      onListed(list.items.length);
    },
    currentVersion: async (signal) => {
      const { resourceVersion } = await client.list(ref, { ...scope, limit: 1, signal });
      return resourceVersion;
    },
    watch: async function* (resourceVersion, signal) {
      for await (const { type, object } of client.watch(ref, {
        ...scope,
        ...watchTimes(options),
        resourceVersion,
        signal,
      })) {
        if (type === 'DELETED') {
          cache.remove(transform(object));
        } else if (type !== 'BOOKMARK') {
          cache.upsert(transform(object));
        }
        yield object.metadata.resourceVersion;
      }
    },
  };
}

function watchTimes<T extends KubeObject>({ random, idleMs }: InformerOptions<T>) {
  // At random, so that the watches of many clients do not all end at once.
  return { timeoutSeconds: Math.round(300 * (1 + random())), idleMs: idleMs ?? 90_000 };
}

function startResync<T extends KubeObject>(
  { clock, resyncMs }: InformerOptions<T>,
  resync: () => void,
): () => void {
  if (resyncMs === undefined) {
    return () => undefined;
  }
  const tick = () => {
    resync();
    cancel = clock.schedule(resyncMs, tick);
  };
  let cancel = clock.schedule(resyncMs, tick);
  return () => cancel();
}

function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

import type { KubeObject } from '../src/base/object.ts';
import type { ControllerOptions, Source } from '../src/kube/controller/controller.ts';
import type { Informer } from '../src/kube/informer/informer.ts';
import type { HostViews, ViewChange } from './daemons/view.ts';

/** A controller: where its keys come from, and how it reconciles them. */
export type ControllerDefinition = Pick<ControllerOptions, 'name' | 'concurrency' | 'sources' | 'reconcile'>;

/**
 * Like `sourceOf`, for controllers that react to some changes only. `old` is undefined for a new object, `current` for a deleted one.
 * @param gatherMs how long a reconcile waits for further changes of its key; 0 by default
 */
export function changesOf<T extends KubeObject>(
  informer: Pick<Informer<T>, 'hasSynced' | 'waitForSync' | 'addHandler'>,
  keys: (old: T | undefined, current: T | undefined) => readonly string[],
  gatherMs: (key: string) => number = () => 0,
): Source {
  return {
    hasSynced: () => informer.hasSynced(),
    waitForSync: (signal) => informer.waitForSync(signal),
    connect: (queue) =>
      informer.addHandler((old, current) => {
        for (const key of keys(old, current)) queue.addAfter(key, gatherMs(key));
      }),
  };
}

/**
 * Maps the hosts' reports to keys.
 * @param gatherMs how long a reconcile waits for further reports about its key; 0 by default
 */
export function viewsSource(
  views: HostViews,
  keys: (change: ViewChange) => Iterable<string>,
  gatherMs = 0,
): Source {
  return {
    ...ALWAYS_SYNCED,
    connect: (queue) =>
      views.subscribe((change) => {
        for (const key of keys(change)) queue.addAfter(key, gatherMs);
      }),
  };
}

const ALWAYS_SYNCED = { hasSynced: () => true, waitForSync: () => Promise.resolve() } as const;

/** A source in this process's memory: it never has to catch up with an API server. */
export function memorySource(subscribe: (add: (key: string) => void) => () => void): Source {
  return { ...ALWAYS_SYNCED, connect: (queue) => subscribe((key) => queue.add(key)) };
}

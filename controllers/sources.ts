import type { KubeObject } from '../src/api/object.ts';
import type { ControllerOptions, Source } from '../src/kube/controller/controller.ts';
import type { Informer } from '../src/kube/informer/informer.ts';
import type { HostViews, ViewChange } from './daemons/view.ts';

/** What a controller is: which keys there are to reconcile, and how. */
export type ControllerDefinition = Pick<ControllerOptions, 'name' | 'concurrency' | 'sources' | 'reconcile'>;

/**
 * As `sourceOf`, for those whom only some changes concern. `old` is missing for a new object, `current` for a gone one.
 * @param gatherMs for so long a key's changes are gathered before it is looked at; not at all by default
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
 * Maps what hosts report to keys.
 * @param gatherMs for so long a key's reports are gathered before it is looked at; not at all by default
 */
export function viewsSource(
  views: HostViews,
  keys: (change: ViewChange) => Iterable<string>,
  gatherMs = 0,
): Source {
  return {
    ...NEVER_BEHIND,
    connect: (queue) =>
      views.subscribe((change) => {
        for (const key of keys(change)) queue.addAfter(key, gatherMs);
      }),
  };
}

const NEVER_BEHIND = { hasSynced: () => true, waitForSync: () => Promise.resolve() } as const;

/** A source that is not behind an API server, so never has to catch up with one. */
export function memorySource(subscribe: (add: (key: string) => void) => () => void): Source {
  return { ...NEVER_BEHIND, connect: (queue) => subscribe((key) => queue.add(key)) };
}

import type { Clock } from '../../base/clock.ts';

/**
 * The writes that a controller has made and not yet seen in its cache, by the key of the object that it reconciles. Until it has
 * seen them all, it must not rely on the cache: if it counts too few objects, it creates too many.
 */
export interface Expectations {
  /** Call before creating. Names, since uids are not known yet. */
  expectCreations(key: string, names: readonly string[]): void;
  /** Call before deleting. Uids, since a name may be taken again at once. */
  expectDeletions(key: string, uids: readonly string[]): void;
  /** The creation is in the cache, or has failed. */
  creationObserved(key: string, name: string): void;
  /** The deletion is in the cache, or has failed. */
  deletionObserved(key: string, uid: string): void;
  /** Whether the controller may rely on the cache: it shows all writes, or so much time has passed that an event was missed. */
  satisfied(key: string): boolean;
  /** Drops the expectations of an object that is gone. */
  forget(key: string): void;
}

interface Pending {
  readonly creations: Set<string>;
  readonly deletions: Set<string>;
  since: number;
}

/** No expectations; each lives for `lifeMs` milliseconds (five minutes, as in kube-controller-manager). */
export function createExpectations(clock: Clock, lifeMs = 300_000): Expectations {
  const pendingByKey = new Map<string, Pending>();
  const raise = (key: string): Pending => {
    const pending = pendingByKey.get(key) ?? { creations: new Set(), deletions: new Set(), since: 0 };
    pending.since = clock.monotonic();
    pendingByKey.set(key, pending);
    return pending;
  };
  const lower = (key: string, kind: 'creations' | 'deletions', id: string) => {
    const pending = pendingByKey.get(key);
    pending?.[kind].delete(id);
    if (pending?.creations.size === 0 && pending.deletions.size === 0) {
      pendingByKey.delete(key);
    }
  };
  return {
    expectCreations: (key, names) => {
      const { creations } = raise(key);
      for (const name of names) {
        creations.add(name);
      }
    },
    expectDeletions: (key, uids) => {
      const { deletions } = raise(key);
      for (const uid of uids) {
        deletions.add(uid);
      }
    },
    creationObserved: (key, name) => lower(key, 'creations', name),
    deletionObserved: (key, uid) => lower(key, 'deletions', uid),
    satisfied: (key) => {
      const pending = pendingByKey.get(key);
      if (pending === undefined) {
        return true;
      }
      const isOver =
        (pending.creations.size === 0 && pending.deletions.size === 0) ||
        clock.monotonic() - pending.since > lifeMs;
      if (isOver) {
        pendingByKey.delete(key);
      }
      return isOver;
    },
    forget: (key) => {
      pendingByKey.delete(key);
    },
  };
}

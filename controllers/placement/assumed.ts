import type { BoundAppliance } from '../objects/appliance.ts';

/** A binding that was written, or is being written. */
export interface Assumption extends BoundAppliance {
  readonly host: string;
}

/**
 * Bindings that the cache does not show yet, by uid, as kube-scheduler keeps them: counted as promised, or the next pass
 * would give the same room away once more.
 */
export class AssumedBindings {
  readonly #assumptions = new Map<string, Assumption>();

  has(uid: string): boolean {
    return this.#assumptions.has(uid);
  }

  assume(assumption: Assumption): void {
    this.#assumptions.set(assumption.uid, assumption);
  }

  /** The binding failed. */
  forget(uid: string): void {
    this.#assumptions.delete(uid);
  }

  /** Drops what the cache shows by now: the appliance bound, or gone. `isPending`: still there, without a host. */
  settle(isPending: (uid: string) => boolean): void {
    for (const uid of [...this.#assumptions.keys()]) {
      if (!isPending(uid)) this.#assumptions.delete(uid);
    }
  }

  byHost(): ReadonlyMap<string, readonly BoundAppliance[]> {
    return Map.groupBy(this.#assumptions.values(), ({ host }) => host);
  }
}

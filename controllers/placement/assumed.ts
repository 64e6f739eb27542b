import type { BoundAppliance } from '../objects/appliance.ts';

/** A binding that was written, or is being written. */
export interface Assumption extends BoundAppliance {
  readonly host: string;
}

/**
 * Bindings that the cache does not show yet, by uid, as kube-scheduler's assumed pods: their resources count as reserved, or the
 * next pass would place another appliance in the same room.
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

  /**
   * Drops the bindings that the cache shows by now: the appliance has a host, or is gone.
   * @param isPending whether the cache shows the appliance without a host
   */
  settle(isPending: (uid: string) => boolean): void {
    for (const uid of [...this.#assumptions.keys()]) {
      if (!isPending(uid)) this.#assumptions.delete(uid);
    }
  }

  byHost(): ReadonlyMap<string, readonly BoundAppliance[]> {
    return Map.groupBy(this.#assumptions.values(), ({ host }) => host);
  }
}

/** Why an appliance did not go to a host. */
export interface HostReason {
  readonly host: string;
  readonly reason: string;
}

/** Why an appliance has no host yet, host by host and in one sentence. */
export interface Refusal {
  readonly reason: 'NoHosts' | 'NoHostFits';
  readonly message: string;
  readonly reasons: readonly HostReason[];
}

/** How placement came to a host, and why not to others. */
export interface Choice {
  readonly message: string;
  readonly reasons: readonly HostReason[];
  /** RFC 3339. */
  readonly placedTime: string;
  /** Whether it was refused before, so that people are told that the wait is over. */
  readonly waited: boolean;
}

export type Outcome =
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'placed'; readonly choice: Choice };

/**
 * What placement last decided about each appliance, by uid: so that the controller that writes an appliance's status says it
 * in the same write. Whoever loses it (a restart) loses only words; placement decides anew about what is not bound.
 */
export class PlacementOutcomes {
  readonly #outcomes = new Map<string, Outcome>();
  readonly #listeners = new Set<(key: string) => void>();

  get(uid: string): Outcome | undefined {
    return this.#outcomes.get(uid);
  }

  /** `key` names the appliance for those who listen. */
  set(key: string, uid: string, outcome: Outcome): void {
    this.#outcomes.set(uid, outcome);
    for (const listener of [...this.#listeners]) listener(key);
  }

  /** A choice that its appliance's status carries, as the cache shows it: the reasons of thousands are not kept twice. */
  forgetTold(uid: string, placedTime: string | undefined): void {
    const outcome = this.#outcomes.get(uid);
    if (outcome?.type === 'placed' && outcome.choice.placedTime === placedTime) this.forget(uid);
  }

  forget(uid: string): void {
    this.#outcomes.delete(uid);
  }

  /** Tells of every decision from now on; returns how to stop that. */
  subscribe(listener: (key: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

import type { REASON } from '../obstacles/reasons.ts';

/** Why an appliance did not go to a host. */
export interface HostReason {
  readonly host: string;
  readonly reason: string;
}

/** Why an appliance has no host yet, host by host and in one sentence. */
export interface Refusal {
  readonly reason: (typeof REASON)['NoHosts' | 'NoHostFits' | 'PortInUse' | 'Refused'];
  readonly message: string;
  readonly reasons: readonly HostReason[];
}

/** Why placement chose a host, and why not others. */
export interface Choice {
  readonly message: string;
  readonly reasons: readonly HostReason[];
  /** RFC 3339. */
  readonly placedTime: string;
}

export type Outcome =
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'placed'; readonly choice: Choice };

/**
 * What placement last decided about each appliance, by uid, so that the controller of the appliances can include it in its next
 * write of the status. A restart loses only explanations; placement decides again about every appliance that is not bound.
 */
export class PlacementOutcomes {
  readonly #outcomes = new Map<string, Outcome>();
  readonly #listeners = new Set<(key: string) => void>();

  get(uid: string): Outcome | undefined {
    return this.#outcomes.get(uid);
  }

  /** @param key of the appliance, for the listeners */
  set(key: string, uid: string, outcome: Outcome): void {
    this.#outcomes.set(uid, outcome);
    for (const listener of [...this.#listeners]) listener(key);
  }

  /** Forgets a choice once the cache shows it in the appliance's status: the reasons of thousands are not kept twice. */
  forgetWritten(uid: string, placedTime: string | undefined): void {
    const outcome = this.#outcomes.get(uid);
    if (outcome?.type === 'placed' && outcome.choice.placedTime === placedTime) this.forget(uid);
  }

  forget(uid: string): void {
    this.#outcomes.delete(uid);
  }

  /** Calls the listener with every decision from now on; returns how to unsubscribe. */
  subscribe(listener: (key: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

import { isShutOut } from '../kube/api-error.ts';
import type { InformerEvent } from '../kube/informer/supervisor.ts';

export interface AccessWatchOptions {
  /** Looks for an obstacle, as the operator does before it begins. Rejects only when the term is over. */
  readonly findObstacle: () => Promise<string | undefined>;
  /** Called after each look; with undefined when there is no obstacle any more. */
  readonly report: (obstacle: string | undefined) => void;
}

/**
 * Notices when the API server no longer lets the informers read. Kinds and permissions may be taken away while the operator
 * leads. It learns that from refusals, and looks for the complete reason only then.
 */
export class AccessWatch {
  readonly #options: AccessWatchOptions;
  /** Refused resource → the API server's message. */
  readonly #refused = new Map<string, string>();
  #isLooking = false;

  constructor(options: AccessWatchOptions) {
    this.#options = options;
  }

  /** An informer's events. */
  observe(plural: string, event: InformerEvent): void {
    if (event.type === 'listed' && this.#refused.delete(plural)) void this.#look();
    if (event.type !== 'failed' || !isShutOut(event.error)) return;
    const isNew = !this.#refused.has(plural);
    this.#refused.set(plural, event.error.message);
    // All refused resources are retried all the time; the refusals of one of them are enough to look again.
    if (isNew || plural === this.#refused.keys().next().value) void this.#look();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const found = this.#refused.size === 0 ? undefined : await this.#options.findObstacle();
      const [refusal] = this.#refused.values();
      this.#options.report(refusal === undefined ? undefined : (found ?? refusal));
    } catch {
      // The term is over; the next one looks for obstacles first.
    } finally {
      this.#isLooking = false;
    }
  }
}

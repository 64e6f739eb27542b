import { isShutOut } from '../kube/api-error.ts';
import type { InformerEvent } from '../kube/informer/supervisor.ts';

export interface AccessWatchOptions {
  /** Looks for what is in the way, as before beginning; it never rejects but when all is over. */
  readonly ask: () => Promise<string | undefined>;
  /** Told each time that somebody has looked; undefined when nothing is in the way any more. */
  readonly say: (obstacle: string | undefined) => void;
}

/**
 * Follows whether the API server lets the informers read what they follow. Kinds and permissions may be taken away while
 * the operator leads: it finds that out by what is refused, and asks for the whole reason only then.
 */
export class AccessWatch {
  readonly #options: AccessWatchOptions;
  /** The resources that are refused, and in which words. */
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
    // All resources are refused again and again: one of them is enough to ask anew by.
    if (isNew || plural === this.#refused.keys().next().value) void this.#look();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const found = this.#refused.size === 0 ? undefined : await this.#options.ask();
      const [words] = this.#refused.values();
      this.#options.say(words === undefined ? undefined : (found ?? words));
    } catch {
      // The term is over, and whoever comes next looks for obstacles first.
    } finally {
      this.#isLooking = false;
    }
  }
}

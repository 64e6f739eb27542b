/**
 * Runs the server's own controllers (garbage collection, namespaces, roles) separately from the writes that trigger
 * them. Each key is in the queue at most once; keys run one after another, a few per turn of the event loop, so that
 * requests are served in between.
 */
export class WorkQueue {
  readonly #keys = new Set<string>();
  readonly #work: (key: string) => void;
  readonly #failed: (key: string, error: unknown) => void;
  #scheduled = false;
  #closed = false;

  constructor(work: (key: string) => void, failed: (key: string, error: unknown) => void) {
    this.#work = work;
    this.#failed = failed;
  }

  add(key: string): void {
    this.#keys.add(key);
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#keys.clear();
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#keys.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    let budget = 50;
    for (const key of this.#keys) {
      if (budget-- === 0) break;
      this.#keys.delete(key);
      try {
        this.#work(key);
      } catch (error) {
        this.#failed(key, error);
      }
    }
    this.#schedule();
  }
}

/** Runs work under the same key one after the other, in the order of the calls; work under different keys runs at the same time. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Resolves when all work that runs or waits now has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values());
  }

  /** Runs `work` when all earlier work under the key has ended, and settles as it does. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const turn = before === undefined ? work() : before.then(work);
    // The next caller ignores how this one ended.
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}

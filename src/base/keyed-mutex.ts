/** Work under one key is done one after the other, in the order asked for; under different keys at once. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Whether work under this key is under way. */
  isBusy(key: string): boolean {
    return this.#last.has(key);
  }

  /** Resolves when what was asked for up to now has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values());
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const turn = before === undefined ? work() : before.then(work);
    // Who comes next does not care how this ended.
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

/**
 * Since when things were unneeded without a break, in memory: an operator that starts again begins to count again. Instants are
 * milliseconds of the monotonic clock.
 */
export class Grace {
  readonly #graceMs: number;
  #since = new Map<string, number>();

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** What is unneeded now; all else is forgotten. @returns what was all through the grace */
  see(unneeded: Iterable<string>, now: number): ReadonlySet<string> {
    const since = new Map([...unneeded].map((key) => [key, this.#since.get(key) ?? now]));
    this.#since = since;
    return new Set([...since].flatMap(([key, begun]) => (now - begun >= this.#graceMs ? [key] : [])));
  }
}

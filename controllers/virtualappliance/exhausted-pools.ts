/**
 * Which pools were looked through without finding a free address, since anything last became free: so that of a thousand
 * appliances that wait for one pool only the first looks through it. Who loses it looks through the pool again.
 */
export class ExhaustedPools {
  #epoch = 0;
  readonly #pools = new Set<string>();

  /** Grows whenever something may have become free. */
  get epoch(): number {
    return this.#epoch;
  }

  /** An address was given back, or a pool was changed. */
  reset(): void {
    this.#epoch += 1;
    this.#pools.clear();
  }

  has(pool: string): boolean {
    return this.#pools.has(pool);
  }

  /** @param epoch as it was before the pool was looked through: what became free meanwhile may have been missed */
  note(pool: string, epoch: number): void {
    if (epoch === this.#epoch) this.#pools.add(pool);
  }
}

/**
 * The pools that were searched without finding a free address since an address last became free. Of a thousand appliances that
 * wait for one pool only the first searches it. If this is lost, the pool is searched again.
 */
export class ExhaustedPools {
  #epoch = 0;
  readonly #pools = new Set<string>();

  /** Increases whenever an address may have become free. */
  get epoch(): number {
    return this.#epoch;
  }

  /** An address was released, or a pool was changed. */
  reset(): void {
    this.#epoch += 1;
    this.#pools.clear();
  }

  has(pool: string): boolean {
    return this.#pools.has(pool);
  }

  /** @param epoch its value before the search, which may have missed an address that became free meanwhile */
  add(pool: string, epoch: number): void {
    if (epoch === this.#epoch) this.#pools.add(pool);
  }
}

import type { Clock } from '../../base/clock.ts';

/** From when on a source is slow. */
export type RatePolicy = { readonly bytesPerSecond: number; readonly windowMs: number };

/** Slower than a modem line, for so long that a pause of the server does not count. */
export const MINIMUM_RATE: RatePolicy = { bytesPerSecond: 16 * 1024, windowMs: 10_000 };

/** Looks at the end of each window how much arrived in it. */
export class RateWatch {
  readonly #clock: Clock;
  readonly #policy: RatePolicy;
  readonly #bytes: () => number;
  readonly #onRate: (isSlow: boolean) => void;
  #before = 0;
  #cancel: () => void = () => undefined;

  /** @param bytes how many have arrived so far */
  constructor(clock: Clock, policy: RatePolicy, bytes: () => number, onRate: (isSlow: boolean) => void) {
    this.#clock = clock;
    this.#policy = policy;
    this.#bytes = bytes;
    this.#onRate = onRate;
  }

  start(): void {
    this.#before = this.#bytes();
    this.#cancel = this.#clock.schedule(this.#policy.windowMs, () => this.#look());
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const arrived = this.#bytes() - this.#before;
    this.start();
    this.#onRate(arrived < (this.#policy.bytesPerSecond * this.#policy.windowMs) / 1000);
  }
}

import type { Clock } from '../../base/clock.ts';

/** In bytes per second, and in seconds until all has arrived. */
export type Forecast = { readonly bytesPerSecond?: number; readonly secondsLeft?: number };

const WINDOW_MS = 10_000;
/** Before, what is measured is the connection's beginning. */
const FIRST_MS = 1000;

/** How fast bytes arrive: over the last ten to twenty seconds, so that neither a pause nor a burst long ago counts. */
export class Pace {
  readonly #clock: Clock;
  /** Two moments and how much had arrived: the window's begin, and what becomes its begin next. */
  #begin: { readonly at: number; readonly bytes: number };
  #next: { readonly at: number; readonly bytes: number };

  /** @param bytes how many were there before */
  constructor(clock: Clock, bytes: number) {
    this.#clock = clock;
    this.#begin = { at: clock.monotonic(), bytes };
    this.#next = this.#begin;
  }

  forecast(bytes: number, total: number | undefined): Forecast {
    const now = this.#clock.monotonic();
    if (now - this.#next.at >= WINDOW_MS) {
      this.#begin = this.#next;
      this.#next = { at: now, bytes };
    }
    const elapsed = now - this.#begin.at;
    if (elapsed < FIRST_MS) return {};
    const rate = Math.max(0, (bytes - this.#begin.bytes) / elapsed) * 1000;
    const bytesPerSecond = Math.round(rate);
    if (total === undefined || bytesPerSecond === 0) return { bytesPerSecond };
    return { bytesPerSecond, secondsLeft: Math.ceil(Math.max(0, total - bytes) / rate) };
  }
}

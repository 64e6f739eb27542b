import type { Clock } from './clock.ts';

/** Pauses that double from `firstMs` to `maxMs`, each shortened by up to a fifth so that many do not meet again. */
export type Backoff = { readonly firstMs: number; readonly maxMs: number };

/** Milliseconds to wait after the `attempts`-th failure in a row (1 is the first). */
export function backoffDelay(backoff: Backoff, attempts: number, clock: Clock): number {
  const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempts - 1, 30));
  return Math.round(full * (1 - clock.random() / 5));
}

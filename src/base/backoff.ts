import type { Random } from './clock.ts';

/** Pauses that double with each failure in a row, from `initialMs` up to `maxMs` milliseconds. */
export interface BackoffPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
}

/**
 * Delay before try number `failures + 1` (`failures` ≥ 1), in milliseconds: drawn from the upper half of the pause, so that
 * clients that failed together do not return together, and none returns at once.
 */
export function backoffDelay(policy: BackoffPolicy, failures: number, random: Random): number {
  const full = Math.min(policy.initialMs * 2 ** (failures - 1), policy.maxMs);
  return full * (0.5 + random() / 2);
}

import type { Random } from './clock.ts';

/** Delays that double with each failure in a row, from `initialMs` up to `maxMs` milliseconds. */
export interface BackoffPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait after `failures` failures in a row (`failures` ≥ 1). The result is random between half of the delay and
 * all of it: clients that failed together do not retry together, and none retries at once.
 */
export function backoffDelay(policy: BackoffPolicy, failures: number, random: Random): number {
  const full = Math.min(policy.initialMs * 2 ** (failures - 1), policy.maxMs);
  return full * (0.5 + random() / 2);
}

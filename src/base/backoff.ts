import type { Random } from './clock.ts';

export interface BackoffPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
  /** By how much each failure in a row lengthens the delay. */
  readonly factor: number;
}

/**
 * Delay before try number `failures + 1` (`failures` ≥ 1), in milliseconds: exponential, cut at `maxMs`, and drawn
 * from its upper half, so that many who failed together do not return together, and none returns at once.
 */
export function backoffDelay(policy: BackoffPolicy, failures: number, random: Random): number {
  const full = Math.min(policy.initialMs * policy.factor ** (failures - 1), policy.maxMs);
  return full * (0.5 + random() / 2);
}

import { expect } from 'vitest';
import { type BackoffPolicy, backoffDelay } from '../../../src/base/backoff.ts';
import { defaultBackoff } from '../../../src/kube/controller/queue.ts';
import { maxAttempts } from '../../../src/kube/http/request.ts';
import { unreachableBackoff } from '../../../src/kube/informer/supervisor.ts';
import type { Passed } from '../../kubernetes/fault-proxy.ts';
import { HEARTBEAT_MS } from './daemons.ts';

/** What one turn of an informer asks at most: the server's version, a list, a watch. */
const REQUESTS_PER_TURN = 3;
/** What one change leads to at most on one path: it begins, it goes on, it is done. */
const WRITES_PER_CHANGE = 3;

/** How often something that always fails is tried within so long by its own backoff, at its shortest delays. */
function mostTries(policy: BackoffPolicy, windowMs: number): number {
  let tries = 1;
  for (let at = backoffDelay(policy, 1, () => 0); at <= windowMs; tries += 1) {
    at += backoffDelay(policy, tries + 1, () => 0);
  }
  return tries;
}

/**
 * No hot loop: no path was asked for more often than the backoffs of those who ask allow.
 * @param passed what was asked within `windowMs`
 * @param changes how many changes there were meanwhile to act upon
 * @param factor how much faster than the machine's the operator's time passes
 */
export function expectNoHotLoop(
  passed: readonly Passed[],
  windowMs: number,
  changes: number,
  factor = 1,
): void {
  const reads = mostTries(unreachableBackoff, windowMs * factor) * REQUESTS_PER_TURN;
  // A host that says how it is brings its key back sooner than its backoff; an overloaded server is asked again within a call.
  const writes = mostTries(defaultBackoff, windowMs * factor) + windowMs / HEARTBEAT_MS + maxAttempts;
  const asked = new Map<string, number>();
  for (const { method, path } of passed) {
    const what = `${method} ${path.replace(/\?.*/, '')}`;
    asked.set(what, (asked.get(what) ?? 0) + 1);
  }
  for (const [what, times] of asked) {
    const most = what.startsWith('GET ') ? reads : writes + changes * WRITES_PER_CHANGE;
    expect(times, `${what} within ${Math.round(windowMs)} ms`).toBeLessThanOrEqual(most);
  }
}

/** The middle one, or the lower one of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

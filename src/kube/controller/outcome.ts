import { ApiError } from '../api-error.ts';
import { StalledError, TransientError, WaitingError } from './errors.ts';

/** The result of a reconcile, which decides when the key is reconciled again. */
export type ReconcileResult =
  /** The actual state is the desired one. The next event brings the key back. */
  | { readonly type: 'done' }
  /** Something else must happen first. Its event brings the key back; `recheckMs` is the safety net. */
  | { readonly type: 'wait'; readonly for: string; readonly recheckMs: number }
  /** Progress is under way, or something depends on time: reconcile again in `ms`. */
  | { readonly type: 'requeueAfter'; readonly ms: number }
  /** A person must change the spec; that event brings the key back. */
  | { readonly type: 'stalled'; readonly reason: string; readonly message: string };

/** Milliseconds after which a waiting key is reconciled again although no event came. */
const defaultRecheckMs = 300_000;

/** The actual state is the desired one. */
export const done: ReconcileResult = { type: 'done' };

/** Waits for something else to happen; `what` completes "waits for": `host h1 to become ready`. */
export function waitFor(what: string, recheckMs = defaultRecheckMs): ReconcileResult {
  return { type: 'wait', for: what, recheckMs };
}

/** Reconciles again in `ms` milliseconds. */
export function requeueAfter(ms: number): ReconcileResult {
  return { type: 'requeueAfter', ms };
}

/** Gives up until a person changes the spec. `reason` is CamelCase, as a condition's. */
export function stalled(reason: string, message: string): ReconcileResult {
  return { type: 'stalled', reason, message };
}

/** The result, among several, that brings the key back soonest; `stalled` goes before `done`. */
export function soonest(results: readonly ReconcileResult[]): ReconcileResult {
  return results.reduce((best, result) => (comesBackIn(result) < comesBackIn(best) ? result : best), done);
}

function comesBackIn(result: ReconcileResult): number {
  switch (result.type) {
    case 'requeueAfter':
      return result.ms;
    case 'wait':
      return result.recheckMs;
    case 'stalled':
      return Number.MAX_SAFE_INTEGER;
    case 'done':
      return Number.POSITIVE_INFINITY;
  }
}

/** What the queue must do with a key after a reconcile. */
export interface Verdict {
  readonly outcome: 'done' | 'wait' | 'requeueAfter' | 'stalled' | 'retry';
  /** When to reconcile again: only at the next event, after `ms` milliseconds, or after the key's growing backoff. */
  readonly next:
    | { readonly type: 'event' }
    | { readonly type: 'after'; readonly ms: number }
    | { readonly type: 'backoff' };
  /** Why, for the log; empty for `done`. */
  readonly message: string;
  /** Whether it is an unforeseen failure, perhaps a bug: it is logged with its stack. */
  readonly isUnexpected: boolean;
}

/** The one place that decides what follows from a reconcile's result. */
export function judgeResult(result: ReconcileResult): Verdict {
  const expected = { isUnexpected: false } as const;
  switch (result.type) {
    case 'done':
      return { ...expected, outcome: 'done', next: { type: 'event' }, message: '' };
    case 'wait':
      return {
        ...expected,
        outcome: 'wait',
        next: { type: 'after', ms: result.recheckMs },
        message: result.for,
      };
    case 'requeueAfter':
      return { ...expected, outcome: 'requeueAfter', next: { type: 'after', ms: result.ms }, message: '' };
    case 'stalled':
      return {
        ...expected,
        outcome: 'stalled',
        next: { type: 'event' },
        message: `${result.reason}: ${result.message}`,
      };
  }
}

/** The one place that decides what follows from a reconcile's error. */
export function judgeError(error: unknown): Verdict {
  const message = error instanceof Error ? error.message : String(error);
  const retry = { outcome: 'retry', next: { type: 'backoff' }, message, isUnexpected: false } as const;
  if (error instanceof StalledError) {
    return judgeResult(stalled(error.reason, message));
  }
  if (error instanceof WaitingError) {
    return judgeResult(waitFor(`${error.reason}: ${message}`));
  }
  if (error instanceof TransientError) {
    return error.retryAfterMs === undefined
      ? retry
      : { ...retry, next: { type: 'after', ms: error.retryAfterMs } };
  }
  if (error instanceof ApiError) {
    if (error.retryAfterSeconds !== undefined) {
      return { ...retry, next: { type: 'after', ms: Math.max(error.retryAfterSeconds * 1000, 50) } };
    }
    // Conflicts, overload and unreachable servers are normal. A refusal, or an error inside the server, is not.
    const isNormal = [0, 409, 429, 502, 503, 504].includes(error.status);
    return { ...retry, isUnexpected: !isNormal };
  }
  return { ...retry, isUnexpected: true };
}

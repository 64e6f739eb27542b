import { ApiError } from '../api-error.ts';
import { StalledError, TransientError, WaitingError } from './errors.ts';

/** What a reconcile came to, and so when the key is to be looked at again. */
export type ReconcileResult =
  /** All is as it should be; the next event brings the key back. */
  | { readonly type: 'done' }
  /** Something else must happen first. Its event brings the key back; `recheckMs` is the safety net. */
  | { readonly type: 'wait'; readonly for: string; readonly recheckMs: number }
  /** Progress is under way, or time matters: look again in `ms`. */
  | { readonly type: 'requeueAfter'; readonly ms: number }
  /** A person must change the spec; that event brings the key back. */
  | { readonly type: 'stalled'; readonly reason: string; readonly message: string };

/** Waiting keys are looked at so often although no event came, in milliseconds. */
const defaultRecheckMs = 300_000;

/** All is as it should be. */
export const done: ReconcileResult = { type: 'done' };

/** Waits for something else to happen, said in words: `host h1 to become ready`. */
export function waitFor(what: string, recheckMs = defaultRecheckMs): ReconcileResult {
  return { type: 'wait', for: what, recheckMs };
}

/** Looks again in `ms` milliseconds. */
export function requeueAfter(ms: number): ReconcileResult {
  return { type: 'requeueAfter', ms };
}

/** Gives up until a person changes the spec. `reason` is CamelCase, as a condition's. */
export function stalled(reason: string, message: string): ReconcileResult {
  return { type: 'stalled', reason, message };
}

/** Of several results, that of which the key comes back soonest; a stall outweighs being done. */
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

/** What the queue is to do with a key after a reconcile. */
export interface Verdict {
  readonly outcome: 'done' | 'wait' | 'requeueAfter' | 'stalled' | 'retry';
  /** When to look again: at the next event only, after so many milliseconds, or by the key's growing backoff. */
  readonly next:
    | { readonly type: 'event' }
    | { readonly type: 'after'; readonly ms: number }
    | { readonly type: 'backoff' };
  /** Why, in words; empty when all is done. */
  readonly message: string;
  /** Whether it is a failure of ours that nobody foresaw, to be logged with its stack. */
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
    // A conflict, an overload or a server that is away is daily life; a refusal, or a server that fails, is news.
    const isDailyLife = [0, 409, 429, 502, 503, 504].includes(error.status);
    return { ...retry, isUnexpected: !isDailyLife };
  }
  return { ...retry, isUnexpected: true };
}

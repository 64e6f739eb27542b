import type { BackoffPolicy } from '../../base/backoff.ts';

/**
 * What a person must correct is looked at again in minutes: a person may have corrected it where the daemon does not see it, and a
 * judgement may be wrong. Seldom enough that a source does not notice.
 */
export const SLOW_LOOK: BackoffPolicy = { initialMs: 5 * 60_000, maxMs: 60 * 60_000 };

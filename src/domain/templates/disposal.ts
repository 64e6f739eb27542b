/** A template's coolDown, and what is known of its use. Instants are milliseconds since the epoch. */
export interface DisposalFacts {
  /** `spec.lifecycle.coolDown`; undefined: it is never removed. */
  readonly coolDownMs: number | undefined;
  /** Whether an appliance, a child or a task uses it now. */
  readonly isUsed: boolean;
  /** When an appliance was last made from it. */
  readonly lastUsedAt: number | undefined;
  /** Since when, as far as was noted, nothing uses it. */
  readonly unusedSince: number | undefined;
  /** Since when the condition Expiring is True. */
  readonly announcedAt: number | undefined;
  readonly now: number;
}

export type Disposal =
  /** It stays as long as that is so. */
  | { readonly type: 'kept' }
  /** Nothing uses it; `nextMs`: in how many milliseconds it is announced that it goes. */
  | { readonly type: 'unused'; readonly unusedSince: number; readonly nextMs: number }
  /** It goes at `date`, `nextMs` milliseconds from now. */
  | {
      readonly type: 'expiring';
      readonly unusedSince: number;
      readonly date: number;
      readonly nextMs: number;
    }
  | { readonly type: 'due'; readonly unusedSince: number; readonly date: number };

const LONGEST_NOTICE_MS = 7 * 24 * 3_600_000;

/**
 * When a template that nothing uses is removed (SO-MVDS 3): after its coolDown, and never sooner than the notice after that was
 * announced, however late an operator comes to announce it, and however short the coolDown has become. The notice is half the
 * coolDown, a week at most.
 */
export function disposalOf(facts: DisposalFacts): Disposal {
  const { coolDownMs, isUsed, now } = facts;
  if (coolDownMs === undefined || isUsed) return { type: 'kept' };
  const unusedSince = Math.max(facts.unusedSince ?? now, facts.lastUsedAt ?? 0);
  const noticeMs = Math.min(coolDownMs / 2, LONGEST_NOTICE_MS);
  const announcement = unusedSince + coolDownMs - noticeMs;
  if (now < announcement) return { type: 'unused', unusedSince, nextMs: announcement - now };
  const date = Math.max(unusedSince + coolDownMs, (facts.announcedAt ?? now) + noticeMs);
  return now < date
    ? { type: 'expiring', unusedSince, date, nextMs: date - now }
    : { type: 'due', unusedSince, date };
}

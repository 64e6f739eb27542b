import { findCondition } from '../../src/api/conditions.ts';
import type { Host } from '../../src/api/kinds.ts';
import type { Occurrence } from '../../src/kube/events/event-record.ts';
import { READY_REASON } from '../daemons/readiness.ts';
import { CONDITION_UNCLAIMED } from './status.ts';

type Status = NonNullable<Host['status']>;

/** The Events that a new status is worth: that the host's readiness changed, and that it has appliances nobody knows. */
export function occurrencesOf(old: Status | undefined, next: Status): Occurrence[] {
  const occurrences: Occurrence[] = [];
  const before = findCondition(old?.conditions, 'Ready');
  const now = findCondition(next.conditions, 'Ready');
  if (
    now !== undefined &&
    now.status !== 'Unknown' &&
    (before?.status !== now.status || before.reason !== now.reason)
  ) {
    const type = now.reason === READY_REASON ? 'Normal' : 'Warning';
    occurrences.push({ type, reason: now.reason, message: now.message });
  }
  const had = findCondition(old?.conditions, CONDITION_UNCLAIMED);
  const has = findCondition(next.conditions, CONDITION_UNCLAIMED);
  if (has?.status === 'True' && had?.message !== has.message) {
    occurrences.push({ type: 'Warning', reason: has.reason, message: has.message });
  }
  return occurrences;
}

import { type Condition, findCondition } from '../../src/api/conditions.ts';
import type { Occurrence } from '../../src/kube/events/event-record.ts';
import type { Explanation } from '../obstacles/obstacle.ts';

/** When a condition of a kind is worth an Event. Its reason and message become those of the Event. */
export interface EventRule {
  readonly condition: string;
  /** The Event's type, for the condition as it is now; undefined when it is worth no Event. */
  readonly eventType: (condition: Condition) => Occurrence['type'] | undefined;
  /** Whether another message alone is worth an Event, too; otherwise the status or the reason must change. */
  readonly isMessageNews?: boolean;
}

interface WithConditions {
  readonly conditions?: readonly Condition[];
}

/** The Events that a change of an object's conditions is worth. */
export function occurrencesOf(
  rules: readonly EventRule[],
  old: readonly Condition[] | undefined,
  next: readonly Condition[] | undefined,
): Occurrence[] {
  return rules.flatMap(({ condition: type, eventType, isMessageNews = false }) => {
    const [before, now] = [findCondition(old, type), findCondition(next, type)];
    if (now === undefined) return [];
    const isSame = before?.status === now.status && before.reason === now.reason;
    if (isSame && (!isMessageNews || before.message === now.message)) return [];
    const worth = eventType(now);
    return worth === undefined ? [] : [{ type: worth, reason: now.reason, message: now.message }];
  });
}

/** For kinds whose Events all follow from their conditions. */
export function byConditions(rules: readonly EventRule[]) {
  return (old: WithConditions | undefined, next: WithConditions): Occurrence[] =>
    occurrencesOf(rules, old?.conditions, next.conditions);
}

/** An Event about something that no condition shows, or that is over before people look. */
export function warning({ reason, message }: Explanation): Occurrence {
  return { type: 'Warning', reason, message };
}

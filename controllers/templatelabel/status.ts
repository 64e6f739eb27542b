import { CONDITION_READY, type Summary, setSummary } from '../../src/api/conditions.ts';
import type { TemplateFollow, TemplateLabel } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { labelObstacles, labelStates } from '../obstacles/labels.ts';
import { summaryOf } from '../obstacles/obstacle.ts';
import type { EventRule } from '../status/occurrence.ts';
import type { Urgency } from '../status/write-debouncer.ts';

type LabelStatus = NonNullable<TemplateLabel['status']>;
type FollowStatus = NonNullable<TemplateFollow['status']>;

/** The schema takes so many. */
const MOST_MISSING = 20;

/** The Events of both kinds: something that is named is not there. */
export const LABEL_EVENTS: readonly EventRule[] = [
  {
    condition: CONDITION_READY,
    eventType: ({ status }) => (status === 'True' ? undefined : 'Warning'),
  },
];

/** What a label's status is made of. */
export interface LabelFacts {
  readonly label: TemplateLabel;
  /** How many templates have it. */
  readonly templates: number;
  /** Those of its `spec.templates` that its namespace may not use, as namespace/name. */
  readonly missing: readonly string[];
  readonly followers: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status of a label. */
export function labelStatusOf({ label, templates, missing, followers, now }: LabelFacts): LabelStatus {
  const { generation, namespace } = label.metadata;
  const state: Summary =
    missing.length === 0
      ? { state: 'ready', ...labelStates.available(templates) }
      : summaryOf(labelObstacles.templatesMissing(missing, namespace));
  return {
    observedGeneration: generation,
    conditions: setSummary(label.status?.conditions, state, generation, now),
    templates,
    ...namedMissing(missing),
    followers,
  };
}

/** What a follow object's status is made of. */
export interface FollowFacts {
  readonly follow: TemplateFollow;
  /** The followed labels that do not exist, or are not visible to the user, as namespace/name. */
  readonly missing: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status of a follow object. */
export function followStatusOf({ follow, missing, now }: FollowFacts): FollowStatus {
  const { generation } = follow.metadata;
  const labels = (follow.spec.labels ?? []).length - missing.length;
  const state: Summary =
    missing.length === 0
      ? { state: 'ready', ...labelStates.following(labels) }
      : summaryOf(labelObstacles.labelsMissing(missing, follow.spec.user));
  return {
    observedGeneration: generation,
    conditions: setSummary(follow.status?.conditions, state, generation, now),
    labels,
    ...namedMissing(missing),
  };
}

function namedMissing(missing: readonly string[]): { readonly missing?: string[] } {
  return missing.length === 0 ? {} : { missing: missing.slice(0, MOST_MISSING) };
}

/** How soon a difference between these two is worth a write: other conditions at once, counts later. */
export function urgencyOf<Status extends LabelStatus | FollowStatus>(
  old: Status | undefined,
  next: Status,
): Urgency {
  if (isSameJson(old, next)) return 'none';
  const decisive = (status: Status | undefined) => [
    status?.observedGeneration,
    status?.conditions?.map(({ type, status: holds, reason }) => [type, holds, reason]),
  ];
  return isSameJson(decisive(old), decisive(next)) ? 'soon' : 'now';
}

import {
  CONDITION_OVERLAPPING,
  CONDITION_READY,
  type Condition,
  type Summary,
  setCondition,
  setSummary,
} from '../../src/api/conditions.ts';
import type { IPPool } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { poolObstacles, poolStates } from '../obstacles/addresses.ts';
import { type Obstacle, summaryOf } from '../obstacles/obstacle.ts';
import { REASON } from '../obstacles/reasons.ts';
import type { EventRule } from '../status/occurrence.ts';
import type { Urgency } from '../status/write-debouncer.ts';
import type { Usage } from './usage.ts';

type Status = NonNullable<IPPool['status']>;

/** The Events of a pool: another reason of Ready, and a new overlap. */
export const POOL_EVENTS: readonly EventRule[] = [
  {
    condition: CONDITION_READY,
    eventType: ({ status, reason }) =>
      status === 'True' && reason === REASON.Available ? 'Normal' : 'Warning',
  },
  {
    condition: CONDITION_OVERLAPPING,
    eventType: ({ status }) => (status === 'True' ? 'Warning' : undefined),
  },
];

/** What a pool's status is made of. */
export interface StatusFacts {
  readonly pool: IPPool;
  /** How many addresses it has, and how many are assigned; or what is wrong with its spec. */
  readonly usage: Usage | { readonly problem: string };
  /** One entry per other pool that contains addresses of this one, with those addresses. */
  readonly overlaps: readonly string[];
  /** What keeps a deleted pool from being removed; undefined when it is not being deleted. */
  readonly blocker: Obstacle | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status of a pool. With an invalid spec it has no counts: the last ones are about another spec. */
export function statusOf(facts: StatusFacts): Status {
  const { pool, usage, now } = facts;
  const { generation } = pool.metadata;
  const conditions = setSummary(pool.status?.conditions, stateOf(facts), generation, now);
  return {
    observedGeneration: generation,
    conditions: setCondition(conditions, overlapping(facts), now),
    ...('problem' in usage
      ? {}
      : { total: counted(usage.total), used: usage.used, free: counted(usage.free) }),
  };
}

function stateOf({ usage, blocker }: StatusFacts): Summary {
  if (blocker !== undefined) return summaryOf(blocker);
  if ('problem' in usage) return summaryOf(poolObstacles.invalid(usage.problem));
  if (usage.total === 0n) return summaryOf(poolObstacles.noAddresses());
  return { state: 'ready', ...(usage.free === 0n ? poolStates.exhausted() : poolStates.available()) };
}

function overlapping({ pool, overlaps }: StatusFacts): Omit<Condition, 'lastTransitionTime'> {
  const common = { type: CONDITION_OVERLAPPING, observedGeneration: pool.metadata.generation };
  return overlaps.length === 0
    ? { ...common, status: 'False', ...poolStates.noOverlap() }
    : { ...common, status: 'True', ...poolStates.overlaps(overlaps) };
}

/** The count as a number that JSON represents exactly; a larger count becomes the largest such number. */
function counted(count: bigint): number {
  return count > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(count);
}

/** How soon a difference between these two is worth a write: other conditions at once, counts later. */
export function urgencyOf(old: Status | undefined, next: Status): Urgency {
  if (isSameJson(old, next)) return 'none';
  const decisive = (status: Status | undefined) =>
    status?.conditions?.map(({ type, status: holds, reason }) => [type, holds, reason]);
  const isSame =
    old?.observedGeneration === next.observedGeneration && isSameJson(decisive(old), decisive(next));
  return isSame ? 'soon' : 'now';
}

import {
  type Condition,
  findCondition,
  type Standing,
  setCondition,
  setStanding,
} from '../../src/api/conditions.ts';
import type { IPPool } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import type { Occurrence } from '../../src/kube/events/event-record.ts';
import { worded } from '../status/bounded-message.ts';
import type { Urgency } from '../status/write-debouncer.ts';
import type { Usage } from './usage.ts';

type Status = NonNullable<IPPool['status']>;

/** True: other pools have addresses of this one, too. No address is given twice for that; the pools share them. */
const CONDITION_OVERLAPPING = 'Overlapping';

/** What a pool's status is made of. */
export interface StatusFacts {
  readonly pool: IPPool;
  /** What it has and has given, or what is wrong with its spec. */
  readonly usage: Usage | { readonly problem: string };
  /** Each other pool with addresses of this one, and which. */
  readonly overlaps: readonly string[];
  /** What keeps a deleted pool from going; undefined when it is not being deleted. */
  readonly holdup: { readonly reason: string; readonly message: string } | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status of a pool. A spec that makes no pool leaves the last numbers out: they would speak of another one. */
export function statusOf(facts: StatusFacts): Status {
  const { pool, usage, now } = facts;
  const { generation } = pool.metadata;
  const standing = setStanding(pool.status?.conditions, standingOf(facts), generation, now);
  return {
    observedGeneration: generation,
    conditions: setCondition(standing, overlapping(facts), now),
    ...('problem' in usage
      ? {}
      : { total: counted(usage.total), used: usage.used, free: counted(usage.free) }),
  };
}

/** A pool that is full is still as it was declared: who needs more says so at the appliances that wait. */
function standingOf({ usage, holdup }: StatusFacts): Standing {
  if (holdup !== undefined) return { state: 'reconciling', ...holdup };
  if ('problem' in usage)
    return { state: 'stalled', ...worded({ reason: 'InvalidPool', message: usage.problem }) };
  if (usage.total === 0n) {
    const message =
      'every address of the ranges is excluded, the gateway, or an end of the network: add a range';
    return { state: 'stalled', reason: 'NoAddresses', message };
  }
  if (usage.free === 0n) {
    const message = 'every address is given: delete appliances, or add a range; who waits goes on by itself';
    return { state: 'ready', reason: 'AddressPoolExhausted', message };
  }
  return { state: 'ready', reason: 'Available', message: 'there are free addresses' };
}

function overlapping({ pool, overlaps }: StatusFacts): Omit<Condition, 'lastTransitionTime'> {
  const common = { type: CONDITION_OVERLAPPING, observedGeneration: pool.metadata.generation };
  if (overlaps.length === 0) {
    const message = 'no other pool has an address of this one';
    return { ...common, status: 'False', reason: 'NoOverlap', message };
  }
  const message =
    `${overlaps.slice(0, 10).join('; ')}: no address is given twice, but each counts in both; ` +
    'give the pools ranges of their own unless that is meant';
  return { ...common, status: 'True', ...worded({ reason: 'PoolsOverlap', message }) };
}

/** A number that JSON carries unharmed: larger ones are told as the largest of those. */
function counted(count: bigint): number {
  return count > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(count);
}

/** How soon a difference between these two is worth a write: a change of standing at once, numbers later. */
export function urgencyOf(old: Status | undefined, next: Status): Urgency {
  if (isSameJson(old, next)) return 'none';
  const decisive = (status: Status | undefined) =>
    status?.conditions?.map(({ type, status: holds, reason }) => [type, holds, reason]);
  const isSame =
    old?.observedGeneration === next.observedGeneration && isSameJson(decisive(old), decisive(next));
  return isSame ? 'soon' : 'now';
}

/** The Events that a new status is worth: another reason of Ready, and that an overlap is new. */
export function occurrencesOf(old: Status | undefined, next: Status): Occurrence[] {
  const changed = (type: string) => {
    const [before, now] = [old, next].map((status) => findCondition(status?.conditions, type));
    return before?.status === now?.status && before?.reason === now?.reason ? undefined : now;
  };
  const occurrences: Occurrence[] = [];
  const ready = changed('Ready');
  if (ready !== undefined) {
    const isFine = ready.status === 'True' && ready.reason === 'Available';
    occurrences.push({ type: isFine ? 'Normal' : 'Warning', reason: ready.reason, message: ready.message });
  }
  const overlap = changed(CONDITION_OVERLAPPING);
  if (overlap?.status === 'True')
    occurrences.push({ type: 'Warning', reason: overlap.reason, message: overlap.message });
  return occurrences;
}

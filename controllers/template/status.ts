import { findCondition, type Standing, setStanding } from '../../src/api/conditions.ts';
import type { Template } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { formatBytes } from '../../src/domain/quantity.ts';
import type { Occurrence } from '../../src/kube/events/event-record.ts';
import { worded } from '../status/bounded-message.ts';
import type { Urgency } from '../status/write-debouncer.ts';
import type { Copies } from './copies.ts';
import type { Standpoint } from './position.ts';

type Status = NonNullable<Template['status']>;

/** What a template's status is made of. */
export interface StatusFacts {
  readonly template: Template;
  readonly standpoint: Standpoint;
  readonly copies: Copies;
  /** Appliances whose disks stand on it, and when the youngest was made (RFC 3339). */
  readonly appliances: number;
  readonly lastUsedTime: string | undefined;
  /** What keeps a deleted template from going; undefined when it is not being deleted. */
  readonly holdup: { readonly reason: string; readonly message: string } | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status of a template. */
export function statusOf(facts: StatusFacts): Status {
  const { template, standpoint, copies, appliances, now } = facts;
  const old = template.status;
  const { generation } = template.metadata;
  return {
    observedGeneration: generation,
    conditions: setStanding(old?.conditions, standingOf(facts), generation, now),
    layer: template.spec.source.image?.sha256,
    virtualSize: copies.virtualBytes === undefined ? old?.virtualSize : formatBytes(copies.virtualBytes),
    depth: 'depth' in standpoint ? standpoint.depth : undefined,
    hostsReady: copies.ready.length,
    appliances,
    lastUsedTime: latest(old?.lastUsedTime, facts.lastUsedTime),
  };
}

/**
 * Ready means that appliances can be grown from it: it is valid, and no host says that its files cannot be had. A host that
 * failed where others succeeded is told in the message; it tries again by itself.
 */
function standingOf({ standpoint, copies, holdup }: StatusFacts): Standing {
  if (holdup !== undefined) return { state: 'reconciling', ...holdup };
  if ('obstacle' in standpoint) {
    const { reason, message, isStalled } = standpoint.obstacle;
    return { state: isStalled ? 'stalled' : 'reconciling', reason, message };
  }
  const { failures, ready, holding } = copies;
  const [first] = failures;
  if (first === undefined) return { state: 'ready', reason: 'Available', message: whereReady(ready) };
  const told = failures
    .map(({ host, message }) => `${host}: ${message}`)
    .join('; ')
    .slice(0, 4096);
  if (failures.length < holding.length)
    return { state: 'ready', reason: 'Available', message: `${whereReady(ready)}; ${told}`.slice(0, 4096) };
  const reason = failures.every((failure) => failure.reason === first.reason) ? first.reason : 'ImportFailed';
  return { state: 'reconciling', ...worded({ reason, message: told }) };
}

function whereReady(ready: readonly string[]): string {
  if (ready.length === 0) return 'appliances can be grown from it; the first one on a host has it fetched';
  return `appliances can be grown from it; ${ready.length} host(s) hold it`;
}

function latest(...times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).sort((a, b) => Date.parse(b) - Date.parse(a))[0];
}

/** How soon a difference between these two is worth a write. */
export function urgencyOf(old: Status | undefined, next: Status): Urgency {
  if (isSameJson(old, next)) return 'none';
  const ready = (status: Status | undefined) => {
    const condition = findCondition(status?.conditions, 'Ready');
    return [condition?.status, condition?.reason, status?.observedGeneration];
  };
  return isSameJson(ready(old), ready(next)) ? 'soon' : 'now';
}

/** The Event that a new status is worth: that something is wrong with the template, or is right again. */
export function occurrenceOf(old: Status | undefined, next: Status): Occurrence | undefined {
  const before = findCondition(old?.conditions, 'Ready');
  const now = findCondition(next.conditions, 'Ready');
  if (now === undefined || before?.reason === now.reason) return undefined;
  const { reason, message } = now;
  return { type: now.status === 'True' ? 'Normal' : 'Warning', reason, message };
}

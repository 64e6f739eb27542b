import { CONDITION_READY, findCondition, type Summary, setSummary } from '../../src/api/conditions.ts';
import type { Template } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { formatBytes } from '../../src/domain/quantity.ts';
import { type Obstacle, summaryOf } from '../obstacles/obstacle.ts';
import { templateObstacles, templateStates } from '../obstacles/templates.ts';
import type { EventRule } from '../status/occurrence.ts';
import type { Urgency } from '../status/write-debouncer.ts';
import type { Copies } from './copies.ts';
import type { Position } from './position.ts';

type Status = NonNullable<Template['status']>;

/** What a template's status is made of. */
export interface StatusFacts {
  readonly template: Template;
  readonly position: Position;
  readonly copies: Copies;
  /** How many appliances have a disk based on it, and when the youngest was created (RFC 3339). */
  readonly appliances: number;
  readonly lastUsedTime: string | undefined;
  /** What keeps a deleted template from being removed; undefined when it is not being deleted. */
  readonly blocker: Obstacle | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status of a template. */
export function statusOf(facts: StatusFacts): Status {
  const { template, position, copies, appliances, now } = facts;
  const old = template.status;
  const { generation } = template.metadata;
  return {
    observedGeneration: generation,
    conditions: setSummary(old?.conditions, stateOf(facts), generation, now),
    layer: template.spec.source.image?.sha256,
    virtualSize: copies.virtualBytes === undefined ? old?.virtualSize : formatBytes(copies.virtualBytes),
    depth: 'depth' in position ? position.depth : undefined,
    hostsReady: copies.ready.length,
    appliances,
    lastUsedTime: latest(old?.lastUsedTime, facts.lastUsedTime),
  };
}

/** The Events of a template: something is wrong with it, or is right again. */
export const TEMPLATE_EVENTS: readonly EventRule[] = [
  { condition: CONDITION_READY, eventType: ({ status }) => (status === 'True' ? 'Normal' : 'Warning') },
];

/**
 * Ready means that appliances can be created from it: it is valid, and not every host that tried failed to fetch its files. A
 * failure on some hosts only is part of the message; those hosts try again by themselves.
 */
function stateOf({ position, copies, blocker }: StatusFacts): Summary {
  if (blocker !== undefined) return summaryOf(blocker);
  if ('obstacle' in position) return summaryOf(position.obstacle);
  const { failures, ready, holding } = copies;
  const isUsable = failures.length === 0 || failures.length < holding.length;
  return isUsable
    ? { state: 'ready', ...templateStates.available(ready.length, failures) }
    : summaryOf(templateObstacles.importFailed(failures));
}

function latest(...times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).sort((a, b) => Date.parse(b) - Date.parse(a))[0];
}

/** How soon a difference between these two is worth a write. */
export function urgencyOf(old: Status | undefined, next: Status): Urgency {
  if (isSameJson(old, next)) return 'none';
  const ready = (status: Status | undefined) => {
    const condition = findCondition(status?.conditions, CONDITION_READY);
    return [condition?.status, condition?.reason, status?.observedGeneration];
  };
  return isSameJson(ready(old), ready(next)) ? 'soon' : 'now';
}

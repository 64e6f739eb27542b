import { type Condition, findCondition } from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import type { ApplianceStatus, Problem } from '../../src/host/protocol.ts';
import type { Outcome } from '../memory/placement-outcomes.ts';
import { uidOf } from '../objects/appliance.ts';
import { isStage } from '../status/stages.ts';
import type { Urgency } from '../status/write-debouncer.ts';
import { CONDITION_PLACED, conditionsOf, type Obstacle } from './conditions.ts';
import { ABSENCE, mirror } from './mirror.ts';

type Status = NonNullable<VirtualAppliance['status']>;

/** All that an appliance's status is made of. */
export interface StatusFacts {
  readonly appliance: VirtualAppliance;
  readonly report: ApplianceStatus | undefined;
  /** Whether its host answers, and does not have it. */
  readonly isMissing: boolean;
  readonly outcome: Outcome | undefined;
  readonly obstacle: Obstacle | undefined;
  readonly hostLost: Problem | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status. What is not known at the moment (its host is away) stays as it was. */
export function statusOf(facts: StatusFacts): Status {
  const { appliance, report, isMissing, outcome, obstacle, hostLost, now } = facts;
  const had = appliance.status?.vm !== undefined;
  const refusal = outcome?.type === 'refused' ? outcome.refusal : refusalBefore(facts);
  return {
    ...appliance.status,
    ...(isMissing && had ? ABSENCE : {}),
    ...(report === undefined ? {} : mirror(report)),
    uuid: uidOf(appliance),
    observedGeneration: appliance.metadata.generation,
    conditions: conditionsOf({ appliance, report, obstacle, hostLost, refusal, now }),
    placement: placementOf(appliance, outcome),
  };
}

/** After a restart, until placement has decided anew, its last word stands. */
function refusalBefore({ appliance, outcome }: StatusFacts) {
  const placed = findCondition(appliance.status?.conditions, CONDITION_PLACED);
  if (outcome !== undefined || placed?.status !== 'False') return undefined;
  return { reason: placed.reason, message: placed.message };
}

function placementOf({ spec, status }: VirtualAppliance, outcome: Outcome | undefined): Status['placement'] {
  switch (outcome?.type) {
    case 'refused': {
      const { message, reasons } = outcome.refusal;
      return { message, reasons: reasons.map((reason) => ({ ...reason })) };
    }
    case 'placed': {
      const { message, placedTime, reasons } = outcome.choice;
      const told = { message, placedTime };
      return reasons.length === 0 ? told : { ...told, reasons: reasons.map((reason) => ({ ...reason })) };
    }
    case undefined:
      if (status?.placement !== undefined || spec.hostName === undefined) return status?.placement;
      return { message: `bound to host ${spec.hostName}` };
  }
}

/** How soon a difference between these two is worth a write: news for people and for the task at once, progress later. */
export function urgencyOf(appliance: VirtualAppliance, next: Status): Urgency {
  const { status: old } = appliance;
  if (isSameJson(old, next)) return 'none';
  const nextReady = findCondition(next.conditions, 'Ready');
  // The address is put into the status before anything else is said there.
  if (old?.conditions === undefined) return urgencyOfFirst(appliance, nextReady);
  const oldReady = findCondition(old.conditions, 'Ready');
  const isNewReason = oldReady?.reason !== nextReady?.reason && !isStage(nextReady?.reason ?? '');
  const isChanged = (type: string) =>
    findCondition(old.conditions, type)?.status !== findCondition(next.conditions, type)?.status;
  if (isNewReason || ['Ready', 'Stalled', CONDITION_PLACED].some(isChanged)) return 'now';
  if (nextReady?.status === 'True' && old.url !== next.url) return 'now';
  return old.serviceState === next.serviceState ? 'later' : 'soon';
}

/**
 * A task tells about itself at once, and its appliances are there in an instant: their first status waits until it has something
 * to say. One that was made by hand is looked at by whoever made it.
 */
function urgencyOfFirst({ metadata, spec }: VirtualAppliance, ready: Condition | undefined): Urgency {
  if (ready?.status === 'True' || !isStage(ready?.reason ?? '')) return 'now';
  // Its host is chosen any moment: one write tells both.
  if (spec.hostName === undefined) return 'soon';
  const isOfTask = metadata.ownerReferences?.some(({ controller }) => controller === true) ?? false;
  return isOfTask ? 'shortly' : 'now';
}

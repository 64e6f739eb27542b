import {
  CONDITION_AVAILABLE,
  CONDITION_PLACED,
  CONDITION_READY,
  CONDITION_STALLED,
  type Condition,
  findCondition,
  isConditionTrue,
} from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import type { ApplianceStatus } from '../../src/host/protocol.ts';
import type { Outcome } from '../memory/placement-outcomes.ts';
import { uidOf } from '../objects/appliance.ts';
import { applianceProgress } from '../obstacles/appliances.ts';
import type { Explanation, Obstacle } from '../obstacles/obstacle.ts';
import { isOffReason, isProgress } from '../obstacles/reasons.ts';
import type { Urgency } from '../status/write-debouncer.ts';
import { conditionsOf } from './conditions.ts';
import { ABSENCE, mirror } from './mirror.ts';

type Status = NonNullable<VirtualAppliance['status']>;

/** What an appliance's status is made from. */
export interface StatusFacts {
  readonly appliance: VirtualAppliance;
  readonly report: ApplianceStatus | undefined;
  /** Whether its host answers, and does not have the appliance. */
  readonly isMissing: boolean;
  readonly outcome: Outcome | undefined;
  readonly obstacle: Obstacle | undefined;
  readonly hostLost: Obstacle | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status. What is unknown at the moment, because the host does not answer, stays as it was. */
export function statusOf(facts: StatusFacts): Status {
  const { appliance, report, isMissing, outcome, obstacle, hostLost, now } = facts;
  const had = appliance.status?.vm !== undefined;
  const refusal = outcome?.type === 'refused' ? outcome.refusal : refusalBefore(facts);
  const conditions = conditionsOf({ appliance, report, isMissing, obstacle, hostLost, refusal, now });
  const { generation } = appliance.metadata;
  return {
    ...appliance.status,
    ...(isMissing && had ? ABSENCE : {}),
    ...(report === undefined ? {} : withLastStart(mirror(report), appliance.status)),
    uuid: uidOf(appliance),
    observedGeneration: generation,
    ...(isConditionTrue(conditions, CONDITION_READY) ? { readyGeneration: generation } : {}),
    conditions,
    placement: placementOf(appliance, outcome),
  };
}

/** A VM that does not run was last started when it was: otherwise a start would look new to whoever compares two statuses. */
function withLastStart<T extends Pick<Status, 'vm'>>(mirrored: T, old: Status | undefined): T {
  const { vm } = mirrored;
  const startedTime = vm?.startedTime ?? old?.vm?.startedTime;
  return startedTime === undefined ? mirrored : { ...mirrored, vm: { ...vm, startedTime } };
}

/** After a restart the last refusal stands until placement has decided again. */
function refusalBefore({ appliance, outcome }: StatusFacts): Explanation | undefined {
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
      const placement = { message, placedTime };
      return reasons.length === 0
        ? placement
        : { ...placement, reasons: reasons.map((reason) => ({ ...reason })) };
    }
    case undefined:
      if (status?.placement !== undefined || spec.hostName === undefined) return status?.placement;
      return { message: applianceProgress.placed(spec.hostName).message };
  }
}

const DECISIVE = [CONDITION_READY, CONDITION_STALLED, CONDITION_PLACED, CONDITION_AVAILABLE];

/** How soon a difference between these two is worth a write: news for people and for the task at once, progress later. */
export function urgencyOf(appliance: VirtualAppliance, next: Status): Urgency {
  const { status: old } = appliance;
  if (isSameJson(old, next)) return 'none';
  const nextReady = findCondition(next.conditions, CONDITION_READY);
  // The address is written into the status before any condition is.
  if (old?.conditions === undefined) return urgencyOfFirst(appliance, nextReady);
  const oldReady = findCondition(old.conditions, CONDITION_READY);
  // The template's status follows it.
  if (old.build?.state !== next.build?.state) return 'now';
  const { reason = '' } = nextReady ?? {};
  // A VM that is off is what somebody waits for: a recall, for one.
  const isNewReason = oldReady?.reason !== reason && (!isProgress(reason) || isOffReason(reason));
  const isChanged = (type: string) =>
    findCondition(old.conditions, type)?.status !== findCondition(next.conditions, type)?.status;
  if (isNewReason || DECISIVE.some(isChanged)) return 'now';
  if (nextReady?.status === 'True' && old.url !== next.url) return 'now';
  // The advice of an old message would be wrong.
  const isNewMessage = oldReady?.message !== nextReady?.message && !isProgress(nextReady?.reason ?? '');
  const isNewStep = old.build?.step !== next.build?.step;
  return isNewMessage || isNewStep || old.serviceState !== next.serviceState ? 'soon' : 'later';
}

/**
 * A task reports about itself at once, and all its appliances appear at the same moment: their first status waits until it has
 * something to say. Whoever created an appliance by hand watches that appliance.
 */
function urgencyOfFirst({ metadata, spec }: VirtualAppliance, ready: Condition | undefined): Urgency {
  if (ready?.status === 'True' || !isProgress(ready?.reason ?? '')) return 'now';
  // Its host will be chosen any moment: one write shows both.
  if (spec.hostName === undefined) return 'soon';
  const isOfTask = metadata.ownerReferences?.some(({ controller }) => controller === true) ?? false;
  return isOfTask ? 'shortly' : 'now';
}

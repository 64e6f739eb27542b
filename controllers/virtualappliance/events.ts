import { CONDITION_PLACED, CONDITION_READY, findCondition } from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { Occurrence } from '../../src/kube/events/event-record.ts';
import { applianceEvents } from '../obstacles/appliances.ts';
import { isProgress, REASON } from '../obstacles/reasons.ts';
import { type EventRule, occurrencesOf } from '../status/occurrence.ts';

type Status = NonNullable<VirtualAppliance['status']>;

/** It has a host. Placement records its refusals itself. */
const PLACED: EventRule = {
  condition: CONDITION_PLACED,
  eventType: ({ status }) => (status === 'True' ? 'Normal' : undefined),
};
/** Its service answers, its VM is stopped as asked, or something is in the way. */
const READY: EventRule = {
  condition: CONDITION_READY,
  eventType: ({ status, reason }) => {
    if (status === 'True' || reason === REASON.Stopped || reason === REASON.Suspended) return 'Normal';
    if (reason === REASON.PoweredOff) return 'Warning';
    const isRecorded = reason === REASON.NoHostFits || reason === REASON.NoHosts;
    return isRecorded || isProgress(reason) ? undefined : 'Warning';
  },
};

/**
 * The Events that a change of an appliance's status is worth. They follow from the two statuses alone, so a new operator repeats
 * none of them.
 */
export function applianceOccurrences(old: Status | undefined, next: Status): Occurrence[] {
  const by = (rule: EventRule) => occurrencesOf([rule], old?.conditions, next.conditions);
  const changed = changeOf(old, next);
  // That it is carried out says that the service answers, too.
  return [...by(PLACED), ...startOf(old, next), ...(changed.length > 0 ? changed : by(READY))];
}

/** A start of its VM: the first one, or another one after a crash or for a change. */
function startOf(old: Status | undefined, next: Status): Occurrence[] {
  const [before, now] = [old?.vm?.startedTime, next.vm?.startedTime];
  if (now === undefined || now === before) return [];
  return [{ type: 'Normal', ...applianceEvents.started(before !== undefined) }, ...instead(next)];
}

/** A VM that was to continue from a checkpoint and boots: its host says why. */
function instead({ steps = [] }: Status): Occurrence[] {
  const why = steps.find(({ name, state }) => name === 'Start' && state === 'Done')?.message;
  return why === undefined ? [] : [{ type: 'Warning', ...applianceEvents.booted(why) }];
}

/** A change of its spec that is carried out: it was ready with an earlier generation, and is with the present one. */
function changeOf(old: Status | undefined, { readyGeneration, conditions }: Status): Occurrence[] {
  const before = old?.readyGeneration;
  if (before === undefined || readyGeneration === undefined || readyGeneration <= before) return [];
  const { message = '' } = findCondition(conditions, CONDITION_READY) ?? {};
  return [{ type: 'Normal', ...applianceEvents.changed(readyGeneration, message) }];
}

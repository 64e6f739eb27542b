import { findCondition } from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { Occurrence } from '../../src/kube/events/event-record.ts';
import { isStage } from '../status/stages.ts';

type Status = NonNullable<VirtualAppliance['status']>;

/** Placement announces its refusals itself. */
const ANNOUNCED: ReadonlySet<string> = new Set(['NoHostFits', 'NoHosts']);

/** The Event that a new status is worth, if any: that the service answers, or that something is in the way. */
export function occurrenceOf(old: Status | undefined, next: Status): Occurrence | undefined {
  const before = findCondition(old?.conditions, 'Ready');
  const now = findCondition(next.conditions, 'Ready');
  if (now === undefined || (before?.status === now.status && before.reason === now.reason)) return undefined;
  const { reason, message } = now;
  if (now.status === 'True') return { type: 'Normal', reason, message };
  return isStage(reason) || ANNOUNCED.has(reason) ? undefined : { type: 'Warning', reason, message };
}

/** The Event when a host no longer has an appliance that ran there: its disk is lost, and people should know. */
export function lostOccurrence({ spec }: VirtualAppliance): Occurrence {
  const message = `host ${spec.hostName} no longer has this appliance nor its disk: it is created anew from its template`;
  return { type: 'Warning', reason: 'ApplianceMissing', message };
}

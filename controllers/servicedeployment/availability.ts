import {
  CONDITION_AVAILABLE,
  CONDITION_READY,
  type Condition,
  findCondition,
} from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { isProgress, isStoppedReason, REASON } from '../obstacles/reasons.ts';

/** Whether its service answers, be it that of an earlier spec. */
export function answers(appliance: VirtualAppliance): boolean {
  return appliance.metadata.deletionTimestamp === undefined && answeringOf(appliance)?.status === 'True';
}

/** Whether its service is known not to answer; nothing is known of one whose host is silent. */
export function isSilent(appliance: VirtualAppliance): boolean {
  return (answeringOf(appliance)?.status ?? 'False') === 'False';
}

/** Whether it is as its spec declares: all steps were carried out, and its service answered after them. */
export function isReady(appliance: VirtualAppliance): boolean {
  const ready = readyOf(appliance);
  return (
    appliance.metadata.deletionTimestamp === undefined &&
    ready?.status === 'True' &&
    ready.observedGeneration === appliance.metadata.generation
  );
}

/** Whether a change of its spec is under way, or on its way to the host. */
export function isChanging(appliance: VirtualAppliance): boolean {
  const ready = readyOf(appliance);
  if (ready?.observedGeneration !== appliance.metadata.generation) return true;
  return ready?.status === 'False' && isProgress(ready.reason);
}

/** Whether its VM is off because its spec says so, and its host has reported that. */
export function isOff(appliance: VirtualAppliance): boolean {
  const { spec, metadata } = appliance;
  const ready = readyOf(appliance);
  const isReported = ready?.observedGeneration === metadata.generation;
  return spec.powerState === 'Stopped' && isReported && isStoppedReason(ready?.reason);
}

/** Whether its guest did not shut itself down in time when its VM was stopped. */
export function wasPoweredOff(appliance: VirtualAppliance): boolean {
  return readyOf(appliance)?.reason === REASON.PoweredOff;
}

/** An older operator set Ready alone. */
function answeringOf(appliance: VirtualAppliance): Condition | undefined {
  return findCondition(appliance.status?.conditions, CONDITION_AVAILABLE) ?? readyOf(appliance);
}

function readyOf({ status }: VirtualAppliance): Condition | undefined {
  return findCondition(status?.conditions, CONDITION_READY);
}

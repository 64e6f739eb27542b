import { SERVICE_STATES } from '../../src/host/protocol.ts';

const STAGES: ReadonlySet<string> = new Set([
  ...SERVICE_STATES,
  'Pending',
  'Updating',
  'Deleting',
  'Stopped',
]);

/** Whether a reason of an appliance's Ready is an ordinary stage on its way; any other tells people of something in the way. */
export function isStage(reason: string): boolean {
  return STAGES.has(reason);
}

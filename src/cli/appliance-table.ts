import type { VirtualAppliance } from '../api/kinds.ts';
import { LABEL_SERVICE, LABEL_SERVICE_DEPLOYMENT } from '../api/labels.ts';
import { formatSeconds, formatTable } from './table.ts';

const HEADER = ['SERVICE', 'APPLIANCE', 'HOST', 'STATE', 'URL', 'STEPS'];

/** One row an appliance: what it runs, where, how far it is, where it answers, and the seconds of each step. */
export function applianceTable(appliances: readonly VirtualAppliance[]): string {
  return formatTable(HEADER, [...appliances].sort(byName).map(applianceRow));
}

function applianceRow(appliance: VirtualAppliance): string[] {
  const { metadata, spec, status } = appliance;
  return [
    serviceOf(appliance),
    `${metadata.namespace}/${metadata.name}`,
    spec.hostName ?? '-',
    stateOf(appliance),
    status?.url ?? '-',
    stepSeconds(appliance),
  ];
}

function serviceOf({ metadata, spec }: VirtualAppliance): string {
  const task = metadata.labels?.[LABEL_SERVICE_DEPLOYMENT];
  const service = metadata.labels?.[LABEL_SERVICE] ?? spec.service.name ?? metadata.name;
  return task === undefined ? service : `${task}/${service}`;
}

/** The service's state, or why there is none yet. */
export function stateOf({ metadata, status }: VirtualAppliance): string {
  if (metadata.deletionTimestamp !== undefined) return 'Deleting';
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready');
  const state = status?.serviceState;
  if (state === 'ServiceAvailable') return state;
  return ready === undefined ? (state ?? 'Pending') : ready.reason;
}

/** `layers 0.2s  disk 0.1s  vm 1.3s`: only what took a tenth of a second or more. */
function stepSeconds({ status }: VirtualAppliance): string {
  const worth = (status?.steps ?? []).filter((step) => (step.seconds ?? 0) >= 0.05);
  return worth.map((step) => `${step.name} ${formatSeconds(step.seconds ?? 0)}`).join(', ') || '-';
}

function byName(left: VirtualAppliance, right: VirtualAppliance): number {
  const key = ({ metadata }: VirtualAppliance) => `${metadata.namespace}/${metadata.name}`;
  return key(left) < key(right) ? -1 : 1;
}

import { CONDITION_READY, findCondition } from '../api/conditions.ts';
import type { VirtualAppliance } from '../api/kinds.ts';
import { controllerOf } from '../base/object.ts';
import { formatSeconds, formatTable } from './table.ts';

const HEADER = ['SERVICE', 'APPLIANCE', 'HOST', 'STATE', 'URL', 'STEPS'];
const WIDE_HEADER = ['TEMPLATE', 'CPU', 'MEMORY', 'ADDRESS', 'UUID', 'CREATED'];

/** A table with one row for each appliance: its service, host, state and URL, and the duration of each step. */
export function applianceTable(appliances: readonly VirtualAppliance[]): string {
  return formatTable(HEADER, [...appliances].sort(byName).map(applianceRow));
}

/** As `applianceTable`, with template, resources, address, UUID and time of creation. */
export function wideApplianceTable(appliances: readonly VirtualAppliance[]): string {
  const rows = [...appliances].sort(byName).map((one) => [...applianceRow(one), ...wideCells(one)]);
  return formatTable([...HEADER, ...WIDE_HEADER], rows);
}

function wideCells({ metadata, spec, status }: VirtualAppliance): string[] {
  return [
    `${spec.template.namespace ?? metadata.namespace}/${spec.template.name}`,
    `${spec.resources.cpu}`,
    `${spec.resources.memory}`,
    status?.network?.address ?? '-',
    status?.uuid ?? '-',
    metadata.creationTimestamp ?? '-',
  ];
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

function serviceOf(appliance: VirtualAppliance): string {
  const { metadata, spec } = appliance;
  const task = controllerOf(appliance)?.name;
  const service = spec.service.name ?? metadata.name;
  return task === undefined ? service : `${task}/${service}`;
}

/** The service's state, or why it is not available yet. */
export function stateOf({ metadata, status }: VirtualAppliance): string {
  if (metadata.deletionTimestamp !== undefined) return 'Deleting';
  const ready = findCondition(status?.conditions, CONDITION_READY);
  const state = status?.serviceState;
  if (state === 'ServiceAvailable') return state;
  return ready === undefined ? (state ?? 'Pending') : ready.reason;
}

/** `layers 0.2s, disk 0.1s, vm 1.3s`, without the steps that are shown as 0.0s. */
function stepSeconds({ status }: VirtualAppliance): string {
  const shown = (status?.steps ?? []).filter((step) => (step.seconds ?? 0) >= 0.05);
  return shown.map((step) => `${step.name} ${formatSeconds(step.seconds ?? 0)}`).join(', ') || '-';
}

function byName(left: VirtualAppliance, right: VirtualAppliance): number {
  const key = ({ metadata }: VirtualAppliance) => `${metadata.namespace}/${metadata.name}`;
  return key(left) < key(right) ? -1 : 1;
}

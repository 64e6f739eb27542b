import { CONDITION_READY, findCondition } from '../api/conditions.ts';
import type { Host } from '../api/kinds.ts';
import { formatTable } from './table.ts';

const HEADER = ['HOST', 'READY', 'DRIVER', 'CPU', 'MEMORY', 'APPLIANCES'];

/** A table with one row for each host: whether it is ready and gets new appliances, its driver, capacity and appliances. */
export function hostTable(hosts: readonly Host[]): string {
  return formatTable(HEADER, hosts.map(hostRow));
}

function hostRow(host: Host): string[] {
  const { driver, capacity, appliances } = host.status ?? {};
  return [
    host.metadata.name,
    readinessOf(host),
    driver === undefined ? '-' : `${driver.name} ${driver.version} (${driver.accelerator})`,
    capacity?.cpu ?? '-',
    capacity?.memory ?? '-',
    `${appliances ?? 0}`,
  ];
}

/** `True`, or `True,SchedulingDisabled` of a cordoned host, as kubectl has it of nodes. */
export function readinessOf({ spec, status }: Host): string {
  const ready = findCondition(status?.conditions, CONDITION_READY)?.status ?? 'Unknown';
  return spec.unschedulable ? `${ready},SchedulingDisabled` : ready;
}

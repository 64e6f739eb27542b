import type { Host, VirtualAppliance } from '../../src/api/kinds.ts';
import { freeCpuMillis, freeMemoryBytes } from '../../src/domain/placement/free.ts';
import type { Resources } from '../../src/domain/placement/usage.ts';
import { describeBytes, formatCpu } from '../../src/domain/quantity.ts';
import { placementHost } from '../daemons/placement-host.ts';
import type { HostView } from '../daemons/view.ts';
import { BY_HOST } from '../indexes.ts';
import { boundAppliances, resourcesOf, uidOf } from '../objects/appliance.ts';
import { applianceObstacles } from '../obstacles/appliances.ts';
import { blocked, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/**
 * A VM that is to be larger is shut down only when its host has the room for its new size, by what placement goes by. Until then it
 * keeps running as it is.
 */
export function checkRoom({ appliance, context, view }: Scope): PhaseResult {
  const has = view?.appliances.get(uidOf(appliance))?.resources;
  const wants = resourcesOf(appliance);
  if (has === undefined || view?.status === undefined || !isLarger(wants, has)) return phaseDone;
  const host = context.caches.hosts.get(view.name);
  if (host === undefined) return phaseDone;
  const all = context.caches.appliances.byIndex(BY_HOST, view.name);
  const lacking = lackOf(wants, host, view, inTurn(appliance, all));
  return lacking === undefined ? phaseDone : blocked(applianceObstacles.resizePending(view.name, lacking));
}

function isLarger(wants: Resources, has: Resources): boolean {
  return wants.cpuMillis > has.cpuMillis || wants.memoryBytes > has.memoryBytes;
}

/**
 * Two that wait for the same room would wait for each other: one counts with the size that it waits for only for those that come
 * after it.
 */
function inTurn(appliance: VirtualAppliance, all: readonly VirtualAppliance[]): VirtualAppliance[] {
  return all.map((other) => {
    const { cpu, memory } = other.status?.resources ?? {};
    const comesAfter = uidOf(other) > uidOf(appliance);
    if (!comesAfter || cpu === undefined || memory === undefined) return other;
    return { ...other, spec: { ...other.spec, resources: { cpu, memory } } };
  });
}

/** What the host lacks, for people; undefined when it has the room. @param all its appliances, with the sizes that count */
function lackOf(
  wants: Resources,
  host: Host,
  view: HostView,
  all: readonly VirtualAppliance[],
): string | undefined {
  const room = placementHost(host, view, boundAppliances(all));
  // What is left once it has its new size; placement leaves something, too.
  const [cpu, memory] = [freeCpuMillis(room), freeMemoryBytes(room)];
  const lacks = [
    ...(cpu > 0 ? [] : [sentence('CPU', wants.cpuMillis, cpu, formatCpu)]),
    ...(memory > 0 ? [] : [sentence('memory', wants.memoryBytes, memory, describeBytes)]),
  ];
  return lacks.length === 0 ? undefined : lacks.join('; ');
}

function sentence(what: string, wanted: number, left: number, show: (amount: number) => string): string {
  return `${show(wanted)} of ${what}, and has ${show(Math.max(0, wanted + left))} for it`;
}

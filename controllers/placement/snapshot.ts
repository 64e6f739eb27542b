import type { Host, VirtualAppliance } from '../../src/api/kinds.ts';
import type { PlacementHost, PlacementRequest } from '../../src/domain/placement/types.ts';
import { ownUse, type Resources, usedResources } from '../../src/domain/placement/usage.ts';
import { acceptsAppliances } from '../daemons/readiness.ts';
import type { HostView } from '../daemons/view.ts';
import { type BoundAppliance, neededCapability, resourcesOf, uidOf } from '../objects/appliance.ts';

/**
 * A host as an element of H (SO-MVDS 4.2), from its own last report and what is reserved on it.
 * @param promised the reservations of every appliance bound there, whether the cache shows the binding or it was just written
 */
export function placementHost(
  host: Host,
  view: HostView | undefined,
  promised: readonly BoundAppliance[],
): PlacementHost {
  const used = usedOn(view?.status, promised);
  const { group, thresholds, unschedulable } = host.spec;
  return {
    name: host.metadata.name,
    labels: host.metadata.labels ?? {},
    ...(group === undefined ? {} : { group }),
    ready: !unschedulable && host.metadata.deletionTimestamp === undefined && acceptsAppliances(view),
    capabilities: view?.status?.driver.capabilities ?? [],
    totalCpuMillis: view?.status?.capacity.cpuMillis ?? 0,
    totalMemoryBytes: view?.status?.capacity.memoryBytes ?? 0,
    usedCpuMillis: used.cpuMillis,
    usedMemoryBytes: used.memoryBytes,
    thresholdCpu: thresholds.cpu,
    thresholdMemory: thresholds.memory,
  };
}

function usedOn(status: HostView['status'], promised: readonly BoundAppliance[]): Resources {
  const amounts = promised.map(({ resources }) => resources);
  if (status === undefined) return usedResources(undefined, amounts);
  const { used, vmUse } = status;
  const own = vmUse && ownUse(promised, new Map(vmUse.map((vm) => [vm.uuid, vm])));
  return usedResources({ ...used, cpuMillis: Math.ceil(used.cpuMillis) }, amounts, own);
}

/** An appliance as an element of P (SO-MVDS 4.2); its uid is its name there. */
export function placementRequest(appliance: VirtualAppliance): PlacementRequest {
  const { hosts, hostSelector } = appliance.spec.placement;
  const capability = neededCapability(appliance);
  return { name: uidOf(appliance), ...resourcesOf(appliance), hosts, hostSelector, capability };
}

/** The oldest appliance is placed first; the key makes the order total. */
export function inOrderOfArrival(appliances: readonly VirtualAppliance[]): VirtualAppliance[] {
  const rank = ({ metadata }: VirtualAppliance) =>
    `${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name}`;
  return appliances
    .map((appliance) => ({ appliance, rank: rank(appliance) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ appliance }) => appliance);
}

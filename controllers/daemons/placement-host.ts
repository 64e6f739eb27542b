import type { Host } from '../../src/api/kinds.ts';
import type { ApplianceName, PlacementHost } from '../../src/domain/placement/types.ts';
import { ownUse, type Resources, usedResources } from '../../src/domain/placement/usage.ts';
import type { BoundAppliance } from '../objects/appliance.ts';
import { acceptsAppliances } from './readiness.ts';
import type { HostView } from './view.ts';

/** Where ports of a host are; a VM with an address of its own has no port of its host. */
const LOOPBACK = '127.';

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
    ...guestTypesOf(view?.status),
    totalCpuMillis: view?.status?.capacity.cpuMillis ?? 0,
    totalMemoryBytes: view?.status?.capacity.memoryBytes ?? 0,
    usedCpuMillis: used.cpuMillis,
    usedMemoryBytes: used.memoryBytes,
    thresholdCpu: thresholds.cpu,
    thresholdMemory: thresholds.memory,
    takenPorts: takenPorts(view, promised),
    replicas: replicasOf(promised),
    ...sharedOf(view?.status),
  };
}

function guestTypesOf(status: HostView['status']): Pick<PlacementHost, 'guestTypes'> {
  const guestTypes = status?.driver.guestTypes;
  return guestTypes === undefined ? {} : { guestTypes };
}

/** What a daemon says of its machine's disk and ports, and of its shared directory; an older one does not. */
function sharedOf(
  status: HostView['status'],
): Pick<PlacementHost, 'freeDiskBytes' | 'portSpace' | 'sharedDirectory'> {
  if (status === undefined) return {};
  const { capacity, used, diskReserveBytes, portSpace, sharedDirectory } = status;
  const freeDiskBytes = capacity.diskBytes - used.diskBytes - (diskReserveBytes ?? 0);
  return {
    ...(diskReserveBytes === undefined ? {} : { freeDiskBytes }),
    ...(portSpace === undefined ? {} : { portSpace }),
    ...(sharedDirectory === undefined ? {} : { sharedDirectory }),
  };
}

/** The ports that the appliances bound there ask for, and those that the host chose itself, also for appliances that nobody claims. */
function takenPorts(
  view: HostView | undefined,
  bound: readonly BoundAppliance[],
): ReadonlyMap<number, ApplianceName> {
  const reported = [...(view?.appliances.values() ?? [])].flatMap(({ namespace, name, endpoints }) =>
    endpoints
      .filter(({ address }) => address.startsWith(LOOPBACK))
      .map(({ port }) => [port, { namespace, name }] as const),
  );
  const asked = bound.flatMap(({ appliance, hostPorts = [] }) =>
    appliance === undefined ? [] : hostPorts.map((port) => [port, appliance] as const),
  );
  return new Map([...reported, ...asked]);
}

function replicasOf(bound: readonly BoundAppliance[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { replicaOf } of bound) {
    if (replicaOf !== undefined) counts.set(replicaOf, (counts.get(replicaOf) ?? 0) + 1);
  }
  return counts;
}

function usedOn(status: HostView['status'], promised: readonly BoundAppliance[]): Resources {
  const amounts = promised.map(({ resources }) => resources);
  if (status === undefined) return usedResources(undefined, amounts);
  const { used, vmUse } = status;
  const own = vmUse && ownUse(promised, new Map(vmUse.map((vm) => [vm.uuid, vm])));
  return usedResources({ ...used, cpuMillis: Math.ceil(used.cpuMillis) }, amounts, own);
}

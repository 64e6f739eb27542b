/**
 * Algorithms 1 and 2 of SO-MVDS 4.2, line by line. They are the specification: the property test and the benchmark compare
 * batch.ts, which the operator uses, with them.
 */
import { exclusionOf, freeCpuMillis, freeMemoryBytes, isUnfiltered } from './free.ts';
import type { Placed, PlacementHost, PlacementRequest } from './types.ts';

/** An element of H after the first phase of Algorithm 1. */
export interface FreeHost {
  readonly host: PlacementHost;
  freeCpuMillis: number;
  freeMemoryBytes: number;
  freeDiskBytes: number;
  /** Shared with the hosts of the same machine. */
  readonly takenPorts: Set<number>;
  /** By service. */
  readonly replicas: Map<string, number>;
}

/** Lines 2–7 of Algorithm 1: H with what each host has free. Hosts that are not ready are left out. */
export function freeHosts(hosts: readonly PlacementHost[]): FreeHost[] {
  const spaces = Map.groupBy(hosts, ({ name, portSpace }) => portSpace ?? `of ${name} alone`);
  return [...spaces.values()].flatMap((machine) => {
    const takenPorts = new Set(machine.flatMap((host) => [...(host.takenPorts?.keys() ?? [])]));
    return machine
      .filter((host) => host.ready)
      .map((host) => ({
        host,
        freeCpuMillis: freeCpuMillis(host),
        freeMemoryBytes: freeMemoryBytes(host),
        freeDiskBytes: host.freeDiskBytes ?? Infinity,
        takenPorts,
        replicas: new Map(host.replicas),
      }));
  });
}

/**
 * Algorithm 1, GetDeploySequence: places the requests in their order. As printed, it stops at the first request that fits
 * nowhere, and returns what it has placed until then.
 */
export function getDeploySequence(
  requests: readonly PlacementRequest[],
  hosts: readonly PlacementHost[],
): Placed[] {
  const free = freeHosts(hosts);
  const sequence: Placed[] = [];
  for (const request of requests) {
    const destination = chooseDestination(request, eligible(request, free));
    if (destination === null) return sequence;
    sequence.push({ request: request.name, host: destination.host.name });
  }
  return sequence;
}

/**
 * The elements of H that pass the user's filters (SO-MVDS 4.1: users can appoint certain nodes), and have the ports and the disk space
 * that the request needs. This applies before Algorithm 2.
 */
export function eligible(request: PlacementRequest, hosts: FreeHost[]): FreeHost[] {
  const { hostPorts = [], diskBytes = 0 } = request;
  const passing = isUnfiltered(request)
    ? hosts
    : hosts.filter(({ host }) => exclusionOf(request, host) === null);
  if (hostPorts.length === 0 && diskBytes === 0) return passing;
  return passing.filter(
    ({ takenPorts, freeDiskBytes }) =>
      freeDiskBytes >= diskBytes && !hostPorts.some((port) => takenPorts.has(port)),
  );
}

/**
 * Algorithm 2, ChooseDestination: sorts H, takes the request from the first host whose free memory and CPU exceed it, and returns
 * that host; null stands for the paper's −1. The printed loop has no bound; this one ends with the last host.
 */
export function chooseDestination(
  request: Omit<PlacementRequest, 'name'>,
  hosts: FreeHost[],
): FreeHost | null {
  const { hostPorts = [], diskBytes = 0, replicaOf } = request;
  hosts.sort(mostFreeFirst(replicaOf));
  for (const host of hosts) {
    if (!(host.freeMemoryBytes > request.memoryBytes)) return null;
    if (host.freeCpuMillis > request.cpuMillis) {
      host.freeCpuMillis -= request.cpuMillis;
      host.freeMemoryBytes -= request.memoryBytes;
      host.freeDiskBytes -= diskBytes;
      for (const port of hostPorts) host.takenPorts.add(port);
      if (replicaOf !== undefined) host.replicas.set(replicaOf, replicasOf(host, replicaOf) + 1);
      return host;
    }
  }
  return null;
}

/**
 * Line 1 of Algorithm 2: by free memory, then free CPU, most first; then by the service's replicas, fewest first, and by name,
 * which makes the order total.
 */
function mostFreeFirst(service: string | undefined): (a: FreeHost, b: FreeHost) => number {
  return (a, b) => {
    if (a.freeMemoryBytes !== b.freeMemoryBytes) return b.freeMemoryBytes - a.freeMemoryBytes;
    if (a.freeCpuMillis !== b.freeCpuMillis) return b.freeCpuMillis - a.freeCpuMillis;
    const replicas = service === undefined ? 0 : replicasOf(a, service) - replicasOf(b, service);
    if (replicas !== 0) return replicas;
    return a.host.name < b.host.name ? -1 : 1;
  };
}

function replicasOf({ replicas }: FreeHost, service: string): number {
  return replicas.get(service) ?? 0;
}

import { explainRefusal } from './explain.ts';
import { exclusionOf, freeCpuMillis, freeMemoryBytes, isUnfiltered } from './free.ts';
import { Ledger } from './ledger.ts';
import { type FreeResources, HostPool, type Wish } from './pool.ts';
import type { Placement, PlacementHost, PlacementRequest } from './types.ts';

/** The requests of a batch that have the same filter, and the pool of hosts that it leaves them. */
interface FilterClass {
  readonly example: PlacementRequest;
  readonly cpuRequests: Set<number>;
  pool?: HostPool;
}

/** One snapshot of the hosts, in order of name. */
interface Snapshot {
  readonly hosts: readonly PlacementHost[];
  readonly indexOf: ReadonlyMap<string, number>;
  readonly free: FreeResources;
}

/**
 * Algorithms 1 and 2 of SO-MVDS 4.2 for any number of requests over one snapshot of the hosts. Gives the same sequence as
 * literal.ts, in O(hosts + requests × log hosts) for each distinct filter instead of a sort per request. Unlike Algorithm 1 it
 * continues after a request that fits nowhere.
 *
 * @param hosts with distinct names
 * @returns one placement per request, in the order of the requests
 * @throws RangeError naming the request when an amount is not an integer of zero or more
 */
export function placeBatch(
  hosts: readonly PlacementHost[],
  requests: readonly PlacementRequest[],
): readonly Placement[] {
  const snapshot = takeSnapshot(hosts);
  const ledger = new Ledger(snapshot.hosts);
  const classes = classify(requests);
  const chosen = new Int32Array(requests.length);
  return requests.map((request, index): Placement => {
    const filterClass = classes[index] as FilterClass;
    filterClass.pool ??= poolOf(filterClass, snapshot);
    const host = filterClass.pool.take(request.cpuMillis, request.memoryBytes, wishOf(request, ledger));
    chosen[index] = host;
    if (host >= 0) {
      ledger.take(request, host);
      return { request: request.name, host: (snapshot.hosts[host] as PlacementHost).name };
    }
    const explain = () => {
      const { free, ledger: before } = leftBefore(index, snapshot.hosts, requests, chosen);
      return explainRefusal(request, snapshot.hosts, free, before);
    };
    return { request: request.name, host: null, explain };
  });
}

/** Undefined for the many that ask for CPU and memory only. */
function wishOf(request: PlacementRequest, ledger: Ledger): Wish | undefined {
  const { hostPorts = [], diskBytes, replicaOf } = request;
  if (hostPorts.length === 0 && diskBytes === undefined && replicaOf === undefined) return undefined;
  return {
    isOpen: (host) => ledger.isOpen(request, host),
    replicas: (host) => ledger.replicasOn(request, host),
  };
}

function takeSnapshot(unordered: readonly PlacementHost[]): Snapshot {
  const hosts = [...unordered].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    hosts,
    indexOf: new Map(hosts.map(({ name }, index) => [name, index])),
    free: initiallyFree(hosts),
  };
}

function initiallyFree(hosts: readonly PlacementHost[]): FreeResources {
  return { cpu: Float64Array.from(hosts, freeCpuMillis), memory: Float64Array.from(hosts, freeMemoryBytes) };
}

/** What was left when the request's turn came: the snapshot less what earlier requests took. */
function leftBefore(
  index: number,
  hosts: readonly PlacementHost[],
  requests: readonly PlacementRequest[],
  chosen: Int32Array,
): { readonly free: FreeResources; readonly ledger: Ledger } {
  const free = initiallyFree(hosts);
  const ledger = new Ledger(hosts);
  for (let earlier = 0; earlier < index; earlier++) {
    const host = chosen[earlier] as number;
    if (host < 0) continue;
    const request = requests[earlier] as PlacementRequest;
    ledger.take(request, host);
    const { cpuMillis, memoryBytes } = request;
    free.cpu[host] = (free.cpu[host] as number) - cpuMillis;
    free.memory[host] = (free.memory[host] as number) - memoryBytes;
  }
  return { free, ledger };
}

/** Groups the requests by filter. Returns the class of each request. */
function classify(requests: readonly PlacementRequest[]): FilterClass[] {
  const byKey = new Map<string, FilterClass>();
  return requests.map((request) => {
    requireAmount(request, 'cpuMillis');
    requireAmount(request, 'memoryBytes');
    const key = filterKey(request);
    let filterClass = byKey.get(key);
    if (filterClass === undefined) {
      filterClass = { example: request, cpuRequests: new Set() };
      byKey.set(key, filterClass);
    }
    filterClass.cpuRequests.add(request.cpuMillis);
    return filterClass;
  });
}

function filterKey(request: PlacementRequest): string {
  const { hosts = [], hostSelector = {}, capabilities = [], guestType = '', sharedDirectories } = request;
  const { hostPorts = [], diskBytes = 0 } = request;
  if (isUnfiltered(request) && hostPorts.length === 0 && diskBytes === 0) return '';
  const needed = [hosts, hostSelector, capabilities, guestType, sharedDirectories ?? null];
  return JSON.stringify([...needed, hostPorts, diskBytes]);
}

function requireAmount(request: PlacementRequest, field: 'cpuMillis' | 'memoryBytes'): void {
  const amount = request[field];
  if (!Number.isSafeInteger(amount) || amount < 0) {
    throw new RangeError(`request ${request.name}: ${field} is ${amount}, not an integer of zero or more`);
  }
}

function poolOf({ example, cpuRequests }: FilterClass, snapshot: Snapshot): HostPool {
  const members = candidatesOf(example, snapshot).filter(
    (index) => exclusionOf(example, snapshot.hosts[index] as PlacementHost) === null,
  );
  return new HostPool(Int32Array.from(members), snapshot.free, cpuRequests);
}

/** Looks appointed hosts up by name instead of filtering all hosts: each request of a batch may appoint others. */
function candidatesOf({ hosts: appointed = [] }: PlacementRequest, { hosts, indexOf }: Snapshot): number[] {
  if (appointed.length === 0) return [...hosts.keys()];
  const known = [...new Set(appointed)]
    .map((name) => indexOf.get(name))
    .filter((index) => index !== undefined);
  return known.sort((a, b) => a - b);
}

import { describeBytes, formatBytes, formatCpu } from '../quantity.ts';
import { reasonsOf } from './explain.ts';
import { freeCpuMillis, freeMemoryBytes } from './free.ts';
import { Ledger } from './ledger.ts';
import type { Justification, Placement, PlacementHost, PlacementRequest } from './types.ts';

/** A host, and what is free on it at a request's turn. */
interface Candidate {
  readonly host: PlacementHost;
  /** Its position, by which the ledger knows it. */
  readonly index: number;
  cpuMillis: number;
  memoryBytes: number;
}

/** Limits on how much is explained. */
export interface JustificationBounds {
  /** Hosts named for each request. */
  readonly hosts: number;
  /** Hosts examined for all requests together. */
  readonly examined: number;
}

/**
 * Why each request went where placeBatch put it. Goes through the batch once more, over the same snapshot, so that placeBatch
 * itself stays fast. A request costs O(hosts × log hosts): affordable for the few that people read about, not for thousands on
 * thousands of hosts. So only the first requests are justified, as many as `bounds.examined` allows.
 *
 * @param placements what placeBatch answered for these hosts and requests
 * @returns one entry per request; undefined for a request that was refused, or is beyond the bounds
 */
export function justifyPlacements(
  hosts: readonly PlacementHost[],
  requests: readonly PlacementRequest[],
  placements: readonly Placement[],
  bounds: JustificationBounds,
): readonly (Justification | undefined)[] {
  const ledger = new Ledger(hosts);
  const candidates = hosts.map((host, index) => ({
    host,
    index,
    cpuMillis: freeCpuMillis(host),
    memoryBytes: freeMemoryBytes(host),
  }));
  const byName = new Map(candidates.map((candidate) => [candidate.host.name, candidate]));
  const affordable = Math.floor(bounds.examined / Math.max(1, hosts.length));
  return requests.map((request, index) => {
    const host = placements[index]?.host;
    const chosen = typeof host === 'string' && index < affordable ? byName.get(host) : undefined;
    if (chosen === undefined) return undefined;
    const justification = justify(request, chosen, candidates, ledger, bounds.hosts);
    ledger.take(request, chosen.index);
    chosen.cpuMillis -= request.cpuMillis;
    chosen.memoryBytes -= request.memoryBytes;
    return justification;
  });
}

function justify(
  request: PlacementRequest,
  chosen: Candidate,
  candidates: readonly Candidate[],
  ledger: Ledger,
  most: number,
): Justification {
  const replicas = ({ index }: Candidate) => ledger.replicasOn(request, index);
  const obstaclesOf = ({ host, index, cpuMillis, memoryBytes }: Candidate) =>
    reasonsOf(request, host, cpuMillis, memoryBytes, ledger.lacksOf(request, index)).map(
      ({ message }) => message,
    );
  const known = new Set(candidates.map(({ host }) => host.name));
  const unknown = [...new Set(request.hosts)].filter((host) => !known.has(host));
  const others = candidates.filter((candidate) => candidate !== chosen).sort(inOrderOfChoice(replicas));
  const qualified = others.filter((other) => obstaclesOf(other).length === 0);
  const hadFewer = qualified.some(
    (other) => isEquallyFree(other, chosen) && replicas(other) > replicas(chosen),
  );
  const passedOver = others.slice(0, most).map((other) => ({
    host: other.host.name,
    message: obstaclesOf(other).join('; ') || comparison(other, chosen, replicas),
  }));
  const unregistered = unknown.map((host) => ({ host, message: 'is appointed but not registered' }));
  return {
    passedOver: [...passedOver, ...unregistered].slice(0, most),
    summary: summarise(chosen.host.name, 1 + qualified.length, candidates.length, hadFewer),
  };
}

type Replicas = (candidate: Candidate) => number;

/** Line 1 of Algorithm 2 (SO-MVDS 4.2): by free memory, then free CPU, most first, then by replicas and by name. */
function inOrderOfChoice(replicas: Replicas): (a: Candidate, b: Candidate) => number {
  return (a, b) => {
    if (a.memoryBytes !== b.memoryBytes) return b.memoryBytes - a.memoryBytes;
    if (a.cpuMillis !== b.cpuMillis) return b.cpuMillis - a.cpuMillis;
    return replicas(a) - replicas(b) || (a.host.name < b.host.name ? -1 : 1);
  };
}

function isEquallyFree(a: Candidate, b: Candidate): boolean {
  return a.memoryBytes === b.memoryBytes && a.cpuMillis === b.cpuMillis;
}

/** Why the chosen host came before another that qualified as well. */
function comparison(other: Candidate, chosen: Candidate, replicas: Replicas): string {
  const { name } = chosen.host;
  if (other.memoryBytes !== chosen.memoryBytes) {
    const rounded = [describeBytes(other.memoryBytes), describeBytes(chosen.memoryBytes)];
    const exact = [formatBytes(other.memoryBytes), formatBytes(chosen.memoryBytes)];
    const [less, more] = rounded[0] === rounded[1] ? exact : rounded;
    return `has room, but less memory free than ${name}: ${less}, not ${more}`;
  }
  if (other.cpuMillis !== chosen.cpuMillis) {
    const [less, more] = [formatCpu(other.cpuMillis), formatCpu(chosen.cpuMillis)];
    return `has room, and as much memory free as ${name}, but less CPU: ${less}, not ${more}`;
  }
  const [more, fewer] = [replicas(other), replicas(chosen)];
  if (more !== fewer) {
    return `has as much memory and CPU free as ${name}, but more replicas of the service: ${more}, not ${fewer}`;
  }
  return `has as much memory and CPU free as ${name}, which comes first by name`;
}

function summarise(chosen: string, qualified: number, hosts: number, hadFewer: boolean): string {
  if (hosts === 1) return `${chosen} is the only host`;
  if (qualified === 1) return `${chosen} is the only one of ${hosts} hosts that qualified`;
  const which =
    qualified === hosts ? `the ${hosts} hosts, all of which` : `the ${qualified} of ${hosts} hosts that`;
  const then = hadFewer ? 'fewest replicas of the service, then name' : 'name';
  return `${chosen} comes first by free memory, then free CPU, then ${then}, of ${which} qualified`;
}

import { describeBytes, formatBytes, formatCpu } from '../quantity.ts';
import { reasonsOf } from './explain.ts';
import { freeCpuMillis, freeMemoryBytes } from './free.ts';
import type { Justification, Placement, PlacementHost, PlacementRequest } from './types.ts';

/** A host, and what is free on it at a request's turn. */
interface Candidate {
  readonly host: PlacementHost;
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
  const candidates = hosts.map((host) => ({
    host,
    cpuMillis: freeCpuMillis(host),
    memoryBytes: freeMemoryBytes(host),
  }));
  const byName = new Map(candidates.map((candidate) => [candidate.host.name, candidate]));
  const affordable = Math.floor(bounds.examined / Math.max(1, hosts.length));
  return requests.map((request, index) => {
    const host = placements[index]?.host;
    const chosen = typeof host === 'string' && index < affordable ? byName.get(host) : undefined;
    if (chosen === undefined) return undefined;
    const justification = justify(request, chosen, candidates, bounds.hosts);
    chosen.cpuMillis -= request.cpuMillis;
    chosen.memoryBytes -= request.memoryBytes;
    return justification;
  });
}

function justify(
  request: PlacementRequest,
  chosen: Candidate,
  candidates: readonly Candidate[],
  most: number,
): Justification {
  const known = new Set(candidates.map(({ host }) => host.name));
  const unknown = [...new Set(request.hosts)].filter((host) => !known.has(host));
  const others = candidates.filter((candidate) => candidate !== chosen).sort(inOrderOfChoice);
  const qualified = 1 + others.filter((other) => obstaclesOf(request, other).length === 0).length;
  const passedOver = others.slice(0, most).map((other) => ({
    host: other.host.name,
    message: obstaclesOf(request, other).join('; ') || comparison(other, chosen),
  }));
  const unregistered = unknown.map((host) => ({ host, message: 'is appointed but not registered' }));
  return {
    passedOver: [...passedOver, ...unregistered].slice(0, most),
    summary: summarise(chosen.host.name, qualified, candidates.length),
  };
}

/** Line 1 of Algorithm 2 (SO-MVDS 4.2): by free memory, then free CPU, most first, then by name. */
function inOrderOfChoice(a: Candidate, b: Candidate): number {
  if (a.memoryBytes !== b.memoryBytes) return b.memoryBytes - a.memoryBytes;
  if (a.cpuMillis !== b.cpuMillis) return b.cpuMillis - a.cpuMillis;
  return a.host.name < b.host.name ? -1 : 1;
}

function obstaclesOf(request: PlacementRequest, { host, cpuMillis, memoryBytes }: Candidate): string[] {
  return reasonsOf(request, host, cpuMillis, memoryBytes).map(({ message }) => message);
}

/** Why the chosen host came before another that qualified as well. */
function comparison(other: Candidate, chosen: Candidate): string {
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
  return `has as much memory and CPU free as ${name}, which comes first by name`;
}

function summarise(chosen: string, qualified: number, hosts: number): string {
  if (hosts === 1) return `${chosen} is the only host`;
  if (qualified === 1) return `${chosen} is the only one of ${hosts} hosts that qualified`;
  const which =
    qualified === hosts ? `the ${hosts} hosts, all of which` : `the ${qualified} of ${hosts} hosts that`;
  return `${chosen} comes first by free memory, then free CPU, then name, of ${which} qualified`;
}

import { freeCpuMillis, freeMemoryBytes } from './free.ts';
import type { PlacementHost } from './types.ts';

/** The hosts that may be placed on, in the order of Algorithm 2 (SO-MVDS 4.2), line 1: free memory, then free CPU, then name. */
export function inOrderOfPreference(hosts: readonly PlacementHost[]): readonly PlacementHost[] {
  return hosts
    .filter(({ ready }) => ready)
    .map((host) => ({ host, memory: freeMemoryBytes(host), cpu: freeCpuMillis(host) }))
    .sort((a, b) => b.memory - a.memory || b.cpu - a.cpu || (a.host.name < b.host.name ? -1 : 1))
    .map(({ host }) => host);
}

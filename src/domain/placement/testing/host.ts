import type { PlacementHost } from '../types.ts';

export const MEBI = 1024 ** 2;

/** A ready and empty host: 4 CPUs, 1 GiB, both usable up to one half. */
export function host(name: string, overrides: Partial<PlacementHost> = {}): PlacementHost {
  return {
    name,
    labels: {},
    ready: true,
    totalCpuMillis: 4000,
    totalMemoryBytes: 1024 * MEBI,
    usedCpuMillis: 0,
    usedMemoryBytes: 0,
    thresholdCpu: 0.5,
    thresholdMemory: 0.5,
    ...overrides,
  };
}

import type { PlacementHost } from '../types.ts';

export const MEBI = 1024 ** 2;

/** A host that is ready and empty: 4 CPUs, 1 GiB, and a task may fill it to half. */
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

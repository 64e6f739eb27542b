/** An amount of CPU and memory. */
export interface Resources {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/**
 * What counts as used on a host in Algorithm 1, lines 3–5 (SO-MVDS 4.2): for each resource the larger of what the host measures
 * and what is promised to the appliances bound there. Measurements lag behind a burst of bindings, and promises do not include
 * what else runs on the host. Either alone would overcommit the host.
 */
export function usedResources(measured: Resources | undefined, promised: Iterable<Resources>): Resources {
  let cpuMillis = 0;
  let memoryBytes = 0;
  for (const promise of promised) {
    cpuMillis += promise.cpuMillis;
    memoryBytes += promise.memoryBytes;
  }
  return {
    cpuMillis: Math.max(cpuMillis, measured?.cpuMillis ?? 0),
    memoryBytes: Math.max(memoryBytes, measured?.memoryBytes ?? 0),
  };
}

/** An amount of what hosts give to appliances. */
export interface Resources {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/**
 * What counts as used on a host in Algorithm 1, lines 3–5 (SO-MVDS 4.2): per resource the larger of what the
 * host measures and what is promised to the appliances bound there. Measurements lag behind a burst of
 * bindings; promises do not see what else runs on the host: either alone would overcommit it.
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

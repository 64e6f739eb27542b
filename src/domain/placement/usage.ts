/** An amount of CPU and memory. */
export interface Resources {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/** An appliance that is bound to a host, and what is promised to it there. */
export interface Reservation {
  readonly uid: string;
  readonly resources: Resources;
}

const NOTHING: Resources = { cpuMillis: 0, memoryBytes: 0 };

/**
 * What counts as used on a host in Algorithm 1, lines 3–5 (SO-MVDS 4.2), for each resource: what is promised to the appliances
 * bound there, and what is measured beyond their own use, which is in the promises already. Measurements lag behind a burst of
 * bindings, and promises do not include what else runs on the host: neither may hide the other.
 *
 * @param own the use of the appliances' VMs (`ownUse`); undefined when the host does not know it, and then the larger of measured and
 *   promised counts, which is all that can be said
 */
export function usedResources(
  measured: Resources | undefined,
  promised: Iterable<Resources>,
  own?: Resources,
): Resources {
  const sum = sumOf(promised);
  if (measured === undefined) return sum;
  const used = (field: keyof Resources) =>
    own === undefined
      ? Math.max(sum[field], measured[field])
      : sum[field] + Math.max(0, measured[field] - own[field]);
  return { cpuMillis: used('cpuMillis'), memoryBytes: used('memoryBytes') };
}

/**
 * The measured use of the VMs of these appliances, each up to what it was promised. What a VM uses beyond that (memory of its
 * hypervisor, say) was promised to nobody, and counts as any other load; so does a VM that no appliance claims.
 * @param measured by the uid of the appliance
 */
export function ownUse(bound: Iterable<Reservation>, measured: ReadonlyMap<string, Resources>): Resources {
  return sumOf(
    [...bound].map(({ uid, resources }) => {
      const { cpuMillis, memoryBytes } = measured.get(uid) ?? NOTHING;
      return {
        cpuMillis: Math.min(cpuMillis, resources.cpuMillis),
        memoryBytes: Math.min(memoryBytes, resources.memoryBytes),
      };
    }),
  );
}

export function sumOf(amounts: Iterable<Resources>): Resources {
  let { cpuMillis, memoryBytes } = NOTHING;
  for (const amount of amounts) {
    cpuMillis += amount.cpuMillis;
    memoryBytes += amount.memoryBytes;
  }
  return { cpuMillis, memoryBytes };
}

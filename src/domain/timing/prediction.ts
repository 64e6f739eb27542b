/**
 * How long one VM takes, in seconds. A host creates its VMs one after the other; what happens before and after a VM's turn runs
 * in parallel with other VMs. If nothing does, `turnSeconds` alone is t_ij of Equation 1 (SO-MVDS 4.1).
 */
export interface CreationTime {
  /** Before its turn: layers and disk are prepared. */
  readonly leadSeconds: number;
  /** Its turn: the hypervisor creates it. */
  readonly turnSeconds: number;
  /** After its turn, until the service answers: the VM boots, and the service is installed. */
  readonly tailSeconds: number;
}

/** The inputs of Equation 1 (SO-MVDS 4.1). All times are in seconds. */
export interface DeploymentTimes {
  /** Tc: computing the hosts' use of resources. */
  readonly tcSeconds: number;
  /** Ts: choosing the hosts. */
  readonly tsSeconds: number;
  /** Host → the times of its VMs. */
  readonly perHost: ReadonlyMap<string, readonly CreationTime[]>;
  /** Host → how many VMs it creates at once; 1, as in the paper, if it is absent. */
  readonly concurrency?: ReadonlyMap<string, number>;
}

export interface Prediction {
  /** Tc + Ts. */
  readonly placementSeconds: number;
  readonly perHostSeconds: ReadonlyMap<string, number>;
  readonly totalSeconds: number;
}

/**
 * Equation 1 (SO-MVDS 4.1): T = Tc + Ts + max over the hosts j of Σᵢ t_ij, because hosts work at the same time, and each creates
 * its VMs one after the other. Lead and tail of a VM count only where they do not overlap with the turns of other VMs: the lead
 * of the first, and the tail of the last. On a host that creates several VMs at once, each VM starts, in order, when an earlier
 * one is done.
 * @throws RangeError for a concurrency that is not a positive integer
 */
export function predictDeployment(times: DeploymentTimes): Prediction {
  const placementSeconds = times.tcSeconds + times.tsSeconds;
  const perHostSeconds = new Map<string, number>();
  let longest = 0;
  for (const [host, vms] of times.perHost) {
    const seconds = queueSeconds(vms, times.concurrency?.get(host) ?? 1);
    perHostSeconds.set(host, seconds);
    longest = Math.max(longest, seconds);
  }
  return { placementSeconds, perHostSeconds, totalSeconds: placementSeconds + longest };
}

/** VMs have their turns in the order in which they are ready. */
function queueSeconds(vms: readonly CreationTime[], concurrency: number): number {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`a host cannot create ${concurrency} VMs at once: at least 1`);
  }
  const freeAt = new Array<number>(Math.min(concurrency, vms.length)).fill(0);
  let end = 0;
  for (const vm of vms.toSorted((a, b) => a.leadSeconds - b.leadSeconds)) {
    const free = Math.min(...freeAt);
    const created = Math.max(free, vm.leadSeconds) + vm.turnSeconds;
    freeAt[freeAt.indexOf(free)] = created;
    end = Math.max(end, created + vm.tailSeconds);
  }
  return end;
}

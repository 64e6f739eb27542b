/**
 * What one VM takes, in seconds. The VMs of a host are created in turn; what each takes before and after its turn it takes beside
 * the others. With nothing before and after, `turnSeconds` alone is t_ij of Equation 1 (SO-MVDS 4.1).
 */
export interface CreationTime {
  /** Until it queues for its turn: its layers and its disk. */
  readonly leadSeconds: number;
  /** Its turn: the hypervisor creates it. */
  readonly turnSeconds: number;
  /** From its turn until its service answers: it boots, and is installed. */
  readonly tailSeconds: number;
}

/** What Equation 1 (SO-MVDS 4.1) is computed from; all times in seconds. */
export interface DeploymentTimes {
  /** Tc: computing the hosts' use of resources. */
  readonly tcSeconds: number;
  /** Ts: choosing the hosts. */
  readonly tsSeconds: number;
  /** For each host the times of its VMs. */
  readonly perHost: ReadonlyMap<string, readonly CreationTime[]>;
  /** How many VMs a host creates at once; 1, as in the paper, for a host that is not named. */
  readonly concurrency?: ReadonlyMap<string, number>;
}

export interface Prediction {
  /** Tc + Ts. */
  readonly placementSeconds: number;
  readonly perHostSeconds: ReadonlyMap<string, number>;
  readonly totalSeconds: number;
}

/**
 * Equation 1 (SO-MVDS 4.1): T = Tc + Ts + max over the hosts j of Σᵢ t_ij, because hosts work at the same
 * time and each creates its VMs one after the other. What a VM takes beside the others' turns counts only where nobody's turn
 * hides it: the lead of the first, the tail of the last. A host that creates several at once takes as long as its
 * queue does: each VM starts, in order, when one before it is done.
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

/** Who is ready first has its turn first. */
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

/** What Equation 1 (SO-MVDS 4.1) is computed from; all times in seconds. */
export interface DeploymentTimes {
  /** Tc: computing the hosts' use of resources. */
  readonly tcSeconds: number;
  /** Ts: choosing the hosts. */
  readonly tsSeconds: number;
  /** t_ij: for each host j the time of each of its VMs i, in the order of the host's queue. */
  readonly perHost: ReadonlyMap<string, readonly number[]>;
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
 * time and each creates its VMs one after the other. A host that creates several at once takes as long as its
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

function queueSeconds(vms: readonly number[], concurrency: number): number {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`a host cannot create ${concurrency} VMs at once: at least 1`);
  }
  const freeAt = new Array<number>(Math.min(concurrency, vms.length)).fill(0);
  for (const seconds of vms) {
    const slot = freeAt.indexOf(Math.min(...freeAt));
    freeAt[slot] = (freeAt[slot] ?? 0) + seconds;
  }
  return Math.max(0, ...freeAt);
}

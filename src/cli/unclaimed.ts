import { VIRTUAL_APPLIANCES } from '../api/kinds.ts';
import type { HostClient } from '../host/client.ts';
import type { ApplianceStatus } from '../host/protocol.ts';
import type { KubeClient } from '../kube/client/client.ts';

/** What a daemon has: what belongs to an object of the API, and what does not. */
export interface Claims {
  readonly claimed: readonly ApplianceStatus[];
  readonly unclaimed: readonly ApplianceStatus[];
}

/**
 * Asks the daemon first: an object is there before its host hears of it, and no later object has the uid of an earlier one. So what
 * the API does not know afterwards, it will never know.
 */
export async function claimsOf(client: KubeClient, daemon: HostClient): Promise<Claims> {
  const found = await daemon.listAppliances();
  const { items } = await client.list(VIRTUAL_APPLIANCES);
  const known = new Set(items.map(({ metadata }) => metadata.uid));
  return {
    claimed: found.filter(({ uuid }) => known.has(uuid)),
    unclaimed: found.filter(({ uuid }) => !known.has(uuid)),
  };
}

/** An appliance that a daemon knows, by its names. */
export function nameOf({ namespace, name }: ApplianceStatus): string {
  return `${namespace}/${name}`;
}

/**
 * The unclaimed appliance that a person names, by its uuid or as namespace/name. Throws, with what to do next, when there is none, when
 * it is claimed, and when several have the name.
 */
export function chooseUnclaimed(
  host: string,
  wanted: string,
  { claimed, unclaimed }: Claims,
): ApplianceStatus {
  const isIt = (one: ApplianceStatus) => one.uuid === wanted || nameOf(one) === wanted;
  const [found, ...others] = unclaimed.filter(isIt);
  if (found !== undefined && others.length === 0) return found;
  if (found !== undefined) {
    const uuids = [found, ...others].map(({ uuid }) => uuid).join(', ');
    throw new Error(
      `host ${host} has ${others.length + 1} unclaimed appliances ${wanted}: name one by its uuid: ${uuids}`,
    );
  }
  const claimedOne = claimed.find(isIt);
  if (claimedOne !== undefined) {
    const { namespace, name } = claimedOne;
    throw new Error(
      `${nameOf(claimedOne)} belongs to a VirtualAppliance, so it is not forgotten: ` +
        `delete that with \`kubectl delete virtualappliance ${name} -n ${namespace}\``,
    );
  }
  const there = unclaimed.map((one) => `${nameOf(one)} (${one.uuid})`).join(', ') || 'none';
  throw new Error(`host ${host} has no unclaimed appliance ${wanted}; unclaimed are: ${there}`);
}

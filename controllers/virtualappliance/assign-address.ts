import {
  IP_LEASES,
  type IPLease,
  type IPPool,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../src/api/kinds.ts';
import { FIELD_MANAGER } from '../../src/api/labels.ts';
import { keyOf } from '../../src/base/object.ts';
import { leaseName, parseAddress } from '../../src/domain/ipam/address.ts';
import { isRefused } from '../../src/kube/api-error.ts';
import type { OperatorContext } from '../context.ts';
import { BY_APPLIANCE } from '../indexes.ts';
import { networkMode, uidOf } from '../objects/appliance.ts';
import { leasesOf, newLease, releaseLease } from '../objects/lease.ts';
import { machineUidOf } from '../objects/machine.ts';
import { addressObstacles, leaseEvents } from '../obstacles/addresses.ts';
import { errorOf, RetryError } from '../obstacles/obstacle.ts';
import { warning } from '../status/occurrence.ts';
import { type Claim, claimAddress, requireChance } from './claim-address.ts';
import type { ExhaustedPools } from './exhausted-pools.ts';
import { found, type GivenNetwork, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/** An appliance with its address, if it needs one. */
export interface Addressed {
  readonly appliance: VirtualAppliance;
  readonly given?: GivenNetwork;
}

type Context = Pick<OperatorContext, 'client' | 'caches' | 'recorder' | 'views'>;

/** Assigns an address to an appliance in mode Bridge. */
export async function assignAddress(scope: Scope): Promise<PhaseResult> {
  const { context, exhausted, signal } = scope;
  try {
    const machine = machineUidOf(scope.appliance, found(scope, 'template'));
    const { appliance, given } = await ensureAddress(context, scope.appliance, exhausted, signal, machine);
    scope.appliance = appliance;
    if (given !== undefined) scope.network = given;
    return phaseDone;
  } catch (error) {
    throw isRefused(error) ? new RetryError(addressObstacles.refused(error.message), error) : error;
  }
}

/**
 * Makes sure that an appliance in mode Bridge has exactly one address, which never changes. The lease guarantees that no other
 * appliance has the address, the status that this appliance has no other one; both are stored before the request to the host.
 * After a crash in between, the next reconcile finds the lease. When two operators race for the same appliance, the API server
 * refuses one of the two writes of the status, and that operator's lease is released later.
 * @param machine uid of the machine that it is: one that was recalled gets, if it can, the address that it had
 * @throws WaitingError or StalledError for whatever keeps the appliance from having an address
 */
export async function ensureAddress(
  context: Context,
  appliance: VirtualAppliance,
  exhausted: ExhaustedPools,
  signal: AbortSignal,
  machine: string = uidOf(appliance),
): Promise<Addressed> {
  if (networkMode(appliance.spec.network) === 'User') return { appliance };
  const given = appliance.status?.network;
  if (given !== undefined) {
    await keepLease(context, appliance, given, signal);
    return { appliance, given };
  }
  const claimOf = (pool: IPPool): Claim => ({ context, appliance, machine, pool, exhausted, signal });
  const isKnownToHave = context.caches.leases.byIndex(BY_APPLIANCE, uidOf(appliance)).length > 0;
  if (!isKnownToHave) requireChance(claimOf(requirePool(context, appliance)));
  const own = await ownLease(context, appliance, signal);
  // Read only now: the pool may have changed during the request, and its event may have passed already.
  const pool = requirePool(context, appliance);
  const lease = own ?? (await claimAddress(claimOf(pool)));
  return await settle(context, appliance, networkOf(lease, pool), signal);
}

/**
 * A lease that the appliance has already: from an operator that was killed, or one that the cache does not show yet. Of several
 * leases it is the one whose address the VM reports, else the oldest.
 */
async function ownLease(
  { client, views }: Context,
  appliance: VirtualAppliance,
  signal: AbortSignal,
): Promise<IPLease | undefined> {
  const uid = uidOf(appliance);
  const own = await leasesOf(client, uid, signal);
  const endpoints = views.get(appliance.spec.hostName ?? '')?.appliances.get(uid)?.endpoints ?? [];
  const isKnown = ({ spec }: IPLease) => endpoints.some(({ address }) => address === spec.address);
  return own.find(isKnown) ?? own[0];
}

function requirePool({ caches }: Context, { metadata, spec }: VirtualAppliance): IPPool {
  const key = keyOf({ namespace: metadata.namespace, name: spec.network.pool ?? '' });
  const pool = caches.pools.get(key);
  if (pool !== undefined) return pool;
  throw errorOf(addressObstacles.poolNotFound(key));
}

function networkOf({ spec: { address } }: IPLease, { metadata, spec }: IPPool): GivenNetwork {
  const { prefix, gateway, dns } = spec;
  return { address, prefix, gateway, dns, pool: metadata.name };
}

/** Stores the address. The version in the patch makes the API server refuse it when another operator was first, or anything else changed. */
async function settle(
  { client }: Context,
  appliance: VirtualAppliance,
  network: GivenNetwork,
  signal: AbortSignal,
): Promise<Addressed> {
  const { name, namespace, uid, resourceVersion } = appliance.metadata;
  const patch = { metadata: { uid, resourceVersion }, status: { network } };
  const options = { subresource: 'status', fieldManager: FIELD_MANAGER, signal };
  const settled = await client.patch(VIRTUAL_APPLIANCES, { name, namespace }, patch, options);
  return { appliance: settled, given: network };
}

/**
 * Keeps an address assigned: a lease that somebody deleted is created again, and further leases, from a lost race, are released.
 * No VM ever used those, because hosts receive only the address in the status.
 */
async function keepLease(
  context: Context,
  appliance: VirtualAppliance,
  { address, pool }: GivenNetwork,
  signal: AbortSignal,
): Promise<void> {
  const { caches, client, recorder } = context;
  const uid = uidOf(appliance);
  const parsed = parseAddress(address);
  if (parsed === undefined) throw errorOf(addressObstacles.invalidStatus(address));
  const name = leaseName(parsed);
  for (const lease of caches.leases.byIndex(BY_APPLIANCE, uid))
    if (lease.metadata.name !== name) await releaseLease(client, lease, signal);
  if (caches.leases.get(name)?.spec.appliance.uid === uid) return;
  const lease = await client.find(IP_LEASES, { name }, { signal });
  if (lease === undefined) {
    const poolUid = caches.pools.get(keyOf({ namespace: appliance.metadata.namespace, name: pool }))?.metadata
      .uid;
    await client.create(IP_LEASES, newLease(appliance, { name: pool, uid: poolUid }, parsed), { signal });
    recorder.record(appliance, warning(leaseEvents.reclaimed(address)));
  } else if (lease.spec.appliance.uid !== uid) {
    throw errorOf(addressObstacles.reassigned(address, keyOf(lease.spec.appliance)));
  }
}

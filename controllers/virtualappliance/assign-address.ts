import {
  IP_LEASES,
  type IPLease,
  type IPPool,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../src/api/kinds.ts';
import { FIELD_MANAGER } from '../../src/api/labels.ts';
import { keyOf } from '../../src/api/object.ts';
import { leaseName, parseAddress } from '../../src/domain/ipam/address.ts';
import { StalledError, WaitingError } from '../../src/kube/controller/errors.ts';
import type { OperatorContext } from '../context.ts';
import { BY_APPLIANCE } from '../indexes.ts';
import { networkMode, uidOf } from '../objects/appliance.ts';
import { giveBack, leasesOf, newLease } from '../objects/lease.ts';
import { type Claim, claimAddress, requireChance } from './claim-address.ts';
import type { ExhaustedPools } from './exhausted-pools.ts';

/** The address of an appliance and what goes with it, as its status says it. */
export type GivenNetwork = NonNullable<NonNullable<VirtualAppliance['status']>['network']>;

/** An appliance as it stands after it was given an address, if it needs one. */
export interface Addressed {
  readonly appliance: VirtualAppliance;
  readonly given?: GivenNetwork;
}

type Context = Pick<OperatorContext, 'client' | 'caches' | 'recorder' | 'views'>;

/**
 * Makes sure that an appliance in mode Bridge has one address, once and for good. The lease says that nobody else has it, the
 * status that the appliance has no other: both stand before its host is told. Killed in between, the next reconcile finds the
 * lease; of two that raced for the same appliance the one whose status was refused gives its own back.
 * @throws WaitingError or StalledError for whatever keeps it from having one
 */
export async function ensureAddress(
  context: Context,
  appliance: VirtualAppliance,
  exhausted: ExhaustedPools,
  signal: AbortSignal,
): Promise<Addressed> {
  if (networkMode(appliance.spec.network) === 'User') return { appliance };
  const given = appliance.status?.network;
  if (given !== undefined) {
    await keepLease(context, appliance, given, signal);
    return { appliance, given };
  }
  const claimOf = (pool: IPPool): Claim => ({ context, appliance, pool, exhausted, signal });
  const isKnownToHave = context.caches.leases.byIndex(BY_APPLIANCE, uidOf(appliance)).length > 0;
  if (!isKnownToHave) requireChance(claimOf(requirePool(context, appliance)));
  const own = await ownLease(context, appliance, signal);
  // Read only now: while the API server was asked, the pool may have changed, and the event be gone by.
  const pool = requirePool(context, appliance);
  const lease = own ?? (await claimAddress(claimOf(pool)));
  return await settle(context, appliance, networkOf(lease, pool), signal);
}

/**
 * A lease that the appliance has already: made by an operator that was killed, or by one whose writes are not in the cache yet.
 * Of several that one which its VM is known to have, else the oldest.
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
  throw new WaitingError('AddressPoolNotFound', `IPPool ${key} does not exist: create it in this namespace`);
}

function networkOf({ spec: { address } }: IPLease, { metadata, spec }: IPPool): GivenNetwork {
  const { prefix, gateway, dns } = spec;
  return { address, prefix, gateway, dns, pool: metadata.name };
}

/** Writes it once: the version in the patch makes the server refuse it when another operator was first, or anything else changed. */
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
 * What was given stays given: a lease that somebody took away is made again, and leases beside it, of a race that was lost, are
 * given back. No VM ever had those: hosts are told only of what stands in the status.
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
  if (parsed === undefined)
    throw new StalledError('AddressConflict', `its status has no address but ${address}`);
  const name = leaseName(parsed);
  for (const lease of caches.leases.byIndex(BY_APPLIANCE, uid))
    if (lease.metadata.name !== name) await giveBack(client, lease, signal);
  if (caches.leases.get(name)?.spec.appliance.uid === uid) return;
  const lease = await client.find(IP_LEASES, { name }, { signal });
  if (lease === undefined) {
    const poolUid = caches.pools.get(keyOf({ namespace: appliance.metadata.namespace, name: pool }))?.metadata
      .uid;
    await client.create(IP_LEASES, newLease(appliance, { name: pool, uid: poolUid }, parsed), { signal });
    const message = `the lease of ${address} was taken away while the appliance has the address: it was made again`;
    recorder.record(appliance, { type: 'Warning', reason: 'AddressReclaimed', message });
  } else if (lease.spec.appliance.uid !== uid) {
    const message =
      `its address ${address} was given to appliance ${keyOf(lease.spec.appliance)}, after its lease was taken away: ` +
      'delete one of the two';
    throw new WaitingError('AddressConflict', message);
  }
}

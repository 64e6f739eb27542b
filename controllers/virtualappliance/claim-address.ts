import { IP_LEASES, type IPLease, type IPPool, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FINALIZER_IP_POOL } from '../../src/api/labels.ts';
import { keyOf } from '../../src/base/object.ts';
import { type Address, formatAddress, leaseName, parseAddress } from '../../src/domain/ipam/address.ts';
import {
  type AddressPool,
  freeAddresses,
  reservationsOf,
  totalOf,
  unsuitability,
} from '../../src/domain/ipam/pool.ts';
import { isAlreadyExists } from '../../src/kube/api-error.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import type { OperatorContext } from '../context.ts';
import { uidOf } from '../objects/appliance.ts';
import { newLease } from '../objects/lease.ts';
import { readPool } from '../objects/pool-references.ts';
import { addressObstacles } from '../obstacles/addresses.ts';
import { errorOf, type Obstacle } from '../obstacles/obstacle.ts';
import type { ExhaustedPools } from './exhausted-pools.ts';

/**
 * How many addresses that looked free in the cache may turn out to be assigned: after that the cache gets time to catch up with
 * the API server.
 */
const MOST_COLLISIONS = 32;

/** An appliance's request for an address of a pool. */
export interface Claim {
  readonly context: Pick<OperatorContext, 'client' | 'caches'>;
  readonly appliance: VirtualAppliance;
  /** Uid of the machine that it is, from which follows where the search for a free address begins. */
  readonly machine: string;
  readonly pool: IPPool;
  readonly exhausted: ExhaustedPools;
  readonly signal: AbortSignal;
}

/**
 * Creates the lease of an address of the pool: the one that the appliance asks for, one that is reserved for it, or a free one.
 * The API server accepts the lease of an address only once, so that two appliances never get the same one.
 * @throws StalledError when the appliance may not have the address that it asks for; WaitingError AddressInUse or
 * AddressPoolExhausted
 */
export async function claimAddress(claim: Claim): Promise<IPLease> {
  const addresses = requireOpen(claim.pool);
  const wanted = addressesFor(claim, addresses);
  return wanted === 'any' ? await claimFree(claim, addresses) : await claimOneOf(claim, wanted);
}

/**
 * Checks, without a request to the API server, whether the pool may have an address for the appliance.
 * @throws what claimAddress would, as far as the cache shows it; WaitingError AddressPoolNotReady
 */
export function requireChance(claim: Claim): void {
  const addresses = requireOpen(claim.pool);
  const isAnyFine = addressesFor(claim, addresses) === 'any';
  if (isAnyFine && claim.exhausted.has(keyOf(claim.pool))) throw errorOf(exhaustion(claim.pool, addresses));
}

/** The pool must be valid, and have its finalizer: that keeps it from being deleted while its addresses are assigned. */
function requireOpen(pool: IPPool): AddressPool {
  const key = keyOf(pool);
  if (pool.metadata.deletionTimestamp !== undefined) throw errorOf(addressObstacles.poolDeleting(key));
  const read = readPool(pool);
  if ('problem' in read) throw errorOf(addressObstacles.poolInvalid(key, read.problem));
  if (!pool.metadata.finalizers?.includes(FINALIZER_IP_POOL)) throw errorOf(addressObstacles.poolNew(key));
  return read.pool;
}

/** The addresses that the appliance accepts: the one that it asks for, those that are reserved for it, or any. */
function addressesFor(claim: Claim, addresses: AddressPool): readonly Address[] | 'any' {
  const { metadata, spec } = claim.appliance;
  if (spec.network.address !== undefined) return [suitable(claim, addresses, spec.network.address)];
  const reserved = reservationsOf(addresses, metadata.name);
  return reserved.length > 0 ? reserved : 'any';
}

function suitable({ appliance, pool }: Claim, addresses: AddressPool, text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw errorOf(addressObstacles.notAnAddress(text));
  const unsuitable = unsuitability(addresses, address, appliance.metadata.name);
  if (unsuitable === null) return address;
  throw errorOf(addressObstacles.unsuitable(unsuitable.reason, text, unsuitable.message, keyOf(pool)));
}

/** Claims the first of these addresses that no other appliance has. */
async function claimOneOf(claim: Claim, wanted: readonly Address[]): Promise<IPLease> {
  const holders: { address: string; appliance: string }[] = [];
  for (const address of wanted) {
    const known = claim.context.caches.leases.get(leaseName(address));
    const isAnothers = known !== undefined && known.spec.appliance.uid !== uidOf(claim.appliance);
    const lease = isAnothers ? known : await claimOne(claim, address);
    if (lease.spec.appliance.uid === uidOf(claim.appliance)) return lease;
    holders.push({ address: lease.spec.address, appliance: keyOf(lease.spec.appliance) });
  }
  throw errorOf(addressObstacles.inUse(holders));
}

async function claimFree(claim: Claim, addresses: AddressPool): Promise<IPLease> {
  const { appliance, machine, context, exhausted, pool } = claim;
  const key = keyOf(pool);
  const { epoch } = exhausted;
  if (exhausted.has(key)) throw errorOf(exhaustion(pool, addresses));
  const isGiven = (name: string) => context.caches.leases.get(name) !== undefined;
  let collisions = 0;
  for (const address of freeAddresses(addresses, machine, isGiven)) {
    const lease = await claimOne(claim, address);
    if (lease.spec.appliance.uid === uidOf(appliance)) return lease;
    collisions += 1;
    if (collisions >= MOST_COLLISIONS)
      throw new TransientError(
        `${collisions} addresses of pool ${key} that looked free are assigned to other appliances`,
      );
  }
  exhausted.add(key, epoch);
  throw errorOf(exhaustion(pool, addresses));
}

function exhaustion(pool: IPPool, addresses: AddressPool): Obstacle {
  return addressObstacles.poolExhausted(keyOf(pool), totalOf(addresses));
}

/** The lease of the address: the appliance's own, created now or before, or that of another appliance. */
async function claimOne({ context, appliance, pool, signal }: Claim, address: Address): Promise<IPLease> {
  const { client } = context;
  const { name, uid } = pool.metadata;
  const lease = newLease(appliance, { name, uid }, address);
  try {
    return await client.create(IP_LEASES, lease, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const found = await client.find(IP_LEASES, { name: lease.metadata.name }, { signal });
  if (found !== undefined) return found;
  throw new TransientError(`the lease of ${formatAddress(address)} was released while it was being read`);
}

import { IP_LEASES, type IPLease, type IPPool, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FINALIZER_IP_POOL } from '../../src/api/labels.ts';
import { keyOf } from '../../src/api/object.ts';
import { type Address, formatAddress, leaseName, parseAddress } from '../../src/domain/ipam/address.ts';
import {
  type AddressPool,
  freeAddresses,
  reservationsOf,
  totalOf,
  unsuitability,
} from '../../src/domain/ipam/pool.ts';
import { isAlreadyExists } from '../../src/kube/api-error.ts';
import { StalledError, TransientError, WaitingError } from '../../src/kube/controller/errors.ts';
import type { OperatorContext } from '../context.ts';
import { uidOf } from '../objects/appliance.ts';
import { newLease } from '../objects/lease.ts';
import { readPool } from '../objects/pool-references.ts';
import type { ExhaustedPools } from './exhausted-pools.ts';

/** So many addresses that the cache takes for free may be another's: beyond that it is given time to catch up. */
const MOST_COLLISIONS = 32;

/** Who asks, and of what. */
export interface Claim {
  readonly context: Pick<OperatorContext, 'client' | 'caches'>;
  readonly appliance: VirtualAppliance;
  readonly pool: IPPool;
  readonly exhausted: ExhaustedPools;
  readonly signal: AbortSignal;
}

/**
 * Gets the appliance an address of the pool: the one that it asks for, the one that is reserved for it, or a free one. Whoever
 * creates the lease has the address: the API server lets nobody create it a second time.
 * @throws StalledError when the address that is asked for is none for it, WaitingError AddressInUse or AddressPoolExhausted
 */
export async function claimAddress(claim: Claim): Promise<IPLease> {
  const addresses = requireOpen(claim.pool);
  const wanted = addressesFor(claim, addresses);
  return wanted === 'any' ? await claimFree(claim, addresses) : await claimOneOf(claim, wanted);
}

/**
 * Spares asking the API server while there is no chance of an address.
 * @throws as claimAddress, as far as that is known without asking; WaitingError AddressPoolNotReady
 */
export function requireChance(claim: Claim): void {
  const addresses = requireOpen(claim.pool);
  const isAnyFine = addressesFor(claim, addresses) === 'any';
  if (isAnyFine && claim.exhausted.has(keyOf(claim.pool))) throw exhaustion(claim.pool, addresses);
}

/** A pool to claim of is in order, and held by its finalizer, so that it does not go while its addresses are given. */
function requireOpen(pool: IPPool): AddressPool {
  const key = keyOf(pool);
  if (pool.metadata.deletionTimestamp !== undefined)
    throw new WaitingError('AddressPoolNotReady', `IPPool ${key} is being deleted: use another one`);
  const read = readPool(pool);
  if ('problem' in read)
    throw new WaitingError('AddressPoolNotReady', `IPPool ${key} cannot give addresses: ${read.problem}`);
  if (!pool.metadata.finalizers?.includes(FINALIZER_IP_POOL))
    throw new WaitingError('AddressPoolNotReady', `IPPool ${key} is new and about to be looked at`);
  return read.pool;
}

/** The only addresses that will do, if not any: the one that was asked for, or those that are reserved. */
function addressesFor(claim: Claim, addresses: AddressPool): readonly Address[] | 'any' {
  const { metadata, spec } = claim.appliance;
  if (spec.network.address !== undefined) return [suitable(claim, addresses, spec.network.address)];
  const reserved = reservationsOf(addresses, metadata.name);
  return reserved.length > 0 ? reserved : 'any';
}

function suitable({ appliance, pool }: Claim, addresses: AddressPool, text: string): Address {
  const address = parseAddress(text);
  if (address === undefined)
    throw new StalledError('AddressNotInPool', `${text} is not an address: correct it`);
  const unsuitable = unsuitability(addresses, address, appliance.metadata.name);
  if (unsuitable === null) return address;
  const advice = 'make a new appliance with another address, or change the pool';
  throw new StalledError(unsuitable.reason, `${text} ${unsuitable.words} (pool ${keyOf(pool)}): ${advice}`);
}

/** These addresses and no others will do: for the rest somebody has to go. */
async function claimOneOf(claim: Claim, wanted: readonly Address[]): Promise<IPLease> {
  const holders: string[] = [];
  for (const address of wanted) {
    const known = claim.context.caches.leases.get(leaseName(address));
    const isAnothers = known !== undefined && known.spec.appliance.uid !== uidOf(claim.appliance);
    const lease = isAnothers ? known : await claimOne(claim, address);
    if (lease.spec.appliance.uid === uidOf(claim.appliance)) return lease;
    holders.push(`${lease.spec.address} is given to appliance ${keyOf(lease.spec.appliance)}`);
  }
  const message = `${holders.join('; ')}: it goes on when it is given back; delete that appliance, or this one`;
  throw new WaitingError('AddressInUse', message);
}

async function claimFree(claim: Claim, addresses: AddressPool): Promise<IPLease> {
  const { appliance, context, exhausted, pool } = claim;
  const key = keyOf(pool);
  const { epoch } = exhausted;
  if (exhausted.has(key)) throw exhaustion(pool, addresses);
  const isGiven = (name: string) => context.caches.leases.get(name) !== undefined;
  let collisions = 0;
  for (const address of freeAddresses(addresses, uidOf(appliance), isGiven)) {
    const lease = await claimOne(claim, address);
    if (lease.spec.appliance.uid === uidOf(appliance)) return lease;
    collisions += 1;
    if (collisions >= MOST_COLLISIONS)
      throw new TransientError(
        `${collisions} addresses of pool ${key} that looked free were given to others`,
      );
  }
  exhausted.note(key, epoch);
  throw exhaustion(pool, addresses);
}

function exhaustion(pool: IPPool, addresses: AddressPool): WaitingError {
  return new WaitingError(
    'AddressPoolExhausted',
    `all ${totalOf(addresses)} addresses of pool ${keyOf(pool)} are given or reserved: it goes on as soon as one is given ` +
      'back or the pool gets another range',
  );
}

/** The lease of the address as it stands now: the appliance's own, made just now or before, or another's. */
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
  throw new TransientError(`the lease of ${formatAddress(address)} was given back while it was looked at`);
}

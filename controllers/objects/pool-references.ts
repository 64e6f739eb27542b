import type { IPLease, IPPool, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { type Address, parseAddress } from '../../src/domain/ipam/address.ts';
import { type AddressPool, addressPool, PoolError } from '../../src/domain/ipam/pool.ts';
import { includesAddress } from '../../src/domain/ipam/ranges.ts';
import { networkMode } from './appliance.ts';

/** The key of the pool that a lease's address is from. */
export function poolKeyOf({ spec }: IPLease): string {
  return keyOf(spec.pool);
}

/** The key of the pool from which a bound appliance awaits an address; undefined when it has one, or needs none. */
export function awaitedPoolKey({ metadata, spec, status }: VirtualAppliance): string | undefined {
  const { pool } = spec.network;
  const isWaiting = spec.hostName !== undefined && status?.network === undefined;
  if (pool === undefined || !isWaiting || networkMode(spec.network) === 'User') return undefined;
  return keyOf({ namespace: metadata.namespace, name: pool });
}

/** The pool that the spec describes, or a sentence about what is wrong with it. */
export function readPool({ spec }: IPPool): { readonly pool: AddressPool } | { readonly problem: string } {
  try {
    return { pool: addressPool(spec) };
  } catch (error) {
    if (error instanceof PoolError) return { problem: error.message };
    throw error;
  }
}

/** The address of a lease. Undefined for a lease whose address is none, which the API server accepts no more: no pool has it. */
export function addressOf({ spec }: IPLease): Address | undefined {
  return parseAddress(spec.address);
}

/** The keys of all pools whose ranges contain the address, whichever pool it was assigned from. */
export function poolsWith(pools: readonly IPPool[], address: Address | undefined): string[] {
  return pools
    .filter((one) => {
      const read = readPool(one);
      if ('problem' in read || read.pool.family !== address?.family) return false;
      return includesAddress(read.pool.declared, address.value);
    })
    .map((one) => keyOf(one));
}

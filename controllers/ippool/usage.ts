import type { IPLease, IPPool } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { type AddressPool, describeRange, totalOf } from '../../src/domain/ipam/pool.ts';
import { commonRanges, includesAddress } from '../../src/domain/ipam/ranges.ts';
import { addressOf, readPool } from '../objects/pool-references.ts';

/** How many addresses a pool has, and how many of them are assigned. */
export interface Usage {
  /** All that the pool may give, including those that are assigned or reserved. */
  readonly total: bigint;
  /** Those assigned from this pool, including those that a later change of the pool removed from it. */
  readonly used: number;
  /** Those assigned neither from this pool nor from another one. A reserved address counts as free. */
  readonly free: bigint;
}

/** Another pool that contains addresses of this one. */
export interface Overlap {
  readonly key: string;
  /** Such as `pool default/lan has 10.0.8.11, too`. */
  readonly description: string;
}

/** @param others leases of the pools that overlap with this one */
export function usageOf(pool: AddressPool, own: readonly IPLease[], others: readonly IPLease[]): Usage {
  const isOfPool = (lease: IPLease) => {
    const address = addressOf(lease);
    return address?.family === pool.family && includesAddress(pool.assignable, address.value);
  };
  const total = totalOf(pool);
  const taken = [...own, ...others].filter(isOfPool).length;
  return { total, used: own.length, free: total - BigInt(taken) };
}

/** All pools that contain addresses of this one, in order of their keys. */
export function overlapsOf(own: IPPool, pool: AddressPool, pools: readonly IPPool[]): Overlap[] {
  return pools
    .filter((other) => other.metadata.uid !== own.metadata.uid && other.spec.family === own.spec.family)
    .flatMap((other): Overlap[] => {
      const read = readPool(other);
      const common = 'pool' in read ? commonRanges(pool.declared, read.pool.declared) : [];
      if (common.length === 0) return [];
      const ranges = common.slice(0, 3).map((range) => describeRange(pool.family, range));
      const more = common.length > 3 ? ` and ${common.length - 3} more` : '';
      const key = keyOf(other);
      return [{ key, description: `pool ${key} has ${ranges.join(', ')}${more}, too` }];
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

import type { IPLease, IPPool } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/api/object.ts';
import { type AddressPool, describeRange, totalOf } from '../../src/domain/ipam/pool.ts';
import { commonRanges, includesAddress } from '../../src/domain/ipam/ranges.ts';
import { addressOf, readPool } from '../objects/pool-references.ts';

/** How many addresses a pool has, and what became of them. */
export interface Usage {
  /** Those that it can give, given and reserved ones included. */
  readonly total: bigint;
  /** Those that it has given; also such as it would not give any more. */
  readonly used: number;
  /** Those that nobody has, neither from this pool nor from another one. Reserved ones are free for their appliance. */
  readonly free: bigint;
}

/** Another pool that has addresses of this one. */
export interface Overlap {
  readonly key: string;
  readonly words: string;
}

/** @param others leases of the pools that overlap with it */
export function usageOf(pool: AddressPool, own: readonly IPLease[], others: readonly IPLease[]): Usage {
  const isOfPool = (lease: IPLease) => {
    const { family, value } = addressOf(lease);
    return family === pool.family && includesAddress(pool.assignable, value);
  };
  const total = totalOf(pool);
  const taken = [...own, ...others].filter(isOfPool).length;
  return { total, used: own.length, free: total - BigInt(taken) };
}

/** All pools that have addresses of this one, in order of their keys. */
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
      return [{ key, words: `pool ${key} has ${ranges.join(', ')}${more}, too` }];
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

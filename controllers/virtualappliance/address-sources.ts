import type { IPLease, IPPool } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import type { Source } from '../../src/kube/controller/controller.ts';
import type { OperatorContext } from '../context.ts';
import { BY_APPLIANCE, BY_POOL } from '../indexes.ts';
import { addressOf, poolKeyOf, poolsWith } from '../objects/pool-references.ts';
import { changesOf } from '../sources.ts';
import type { ExhaustedPools } from './exhausted-pools.ts';

/** The part of a pool that a claim depends on. The counts in its status change with every claim: they would bring every waiting appliance back. */
function decisive(pool: IPPool | undefined): unknown {
  if (pool === undefined) return undefined;
  const { uid, generation, finalizers, deletionTimestamp } = pool.metadata;
  return { uid, generation, finalizers, deletionTimestamp };
}

/** Brings back the appliances that wait for an address when one may be free, and those whose leases are not as they should be. */
export function addressSources(
  { caches }: Pick<OperatorContext, 'caches'>,
  exhausted: ExhaustedPools,
): readonly Source[] {
  const waitingFor = (pools: Iterable<string>) =>
    [...new Set(pools)].flatMap((pool) => caches.appliances.byIndex(BY_POOL, pool).map((one) => keyOf(one)));
  const holder = ({ spec }: IPLease) => keyOf(spec.appliance);
  return [
    changesOf(caches.pools, (old, current) => {
      if (isSameJson(decisive(old), decisive(current))) return [];
      exhausted.reset();
      const changed = current ?? old;
      return changed === undefined ? [] : waitingFor([keyOf(changed)]);
    }),
    changesOf(caches.leases, (old, current) => {
      if (current !== undefined) {
        const own = caches.leases.byIndex(BY_APPLIANCE, current.spec.appliance.uid);
        // An appliance whose pool gives no more addresses does not search for a lease that an earlier attempt left.
        const pool = poolKeyOf(current);
        const isClosed = caches.pools.get(pool)?.metadata.deletionTimestamp !== undefined;
        return own.length > 1 || isClosed || exhausted.has(pool) ? [holder(current)] : [];
      }
      exhausted.reset();
      if (old === undefined) return [];
      // Another pool may contain the address, too.
      const pools = [poolKeyOf(old), ...poolsWith(caches.pools.list(), addressOf(old))];
      return [holder(old), ...waitingFor(pools)];
    }),
  ];
}

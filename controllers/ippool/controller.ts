import { IP_POOLS, type IPPool } from '../../src/api/kinds.ts';
import { FINALIZER_IP_POOL } from '../../src/api/labels.ts';
import { keyOf } from '../../src/base/object.ts';
import { addFinalizer, removeFinalizer } from '../../src/kube/client/finalizer.ts';
import { done, type ReconcileResult, soonest, waitFor } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { BY_POOL } from '../indexes.ts';
import { isPoolInUse } from '../objects/lease.ts';
import { addressOf, poolKeyOf, poolsWith, readPool } from '../objects/pool-references.ts';
import { poolObstacles } from '../obstacles/addresses.ts';
import { heldObstacle, isHeld } from '../obstacles/deletions.ts';
import { type ControllerDefinition, changesOf } from '../sources.ts';
import { byConditions } from '../status/occurrence.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { POOL_EVENTS, type StatusFacts, statusOf, urgencyOf } from './status.ts';
import { overlapsOf, usageOf } from './usage.ts';

/** How often a deleted pool that waits is checked again, in case an event was lost. */
const RELEASE_RECHECK_MS = 10_000;
/** A reconcile takes time for each lease of the pool: the more leases, the more changes one reconcile handles. */
const GATHER_MS_PER_LEASE = 0.1;
const LONGEST_GATHER_MS = 1000;

/**
 * Writes into each pool's status whether it can give addresses, how many it has and how many are assigned, and which other pools
 * contain the same ones. A deleted pool stays until the last of its addresses is released. The addresses are assigned by the
 * controller of the appliances.
 */
export function createIPPoolController(context: OperatorContext): ControllerDefinition {
  const { applier, caches, clock, recorder, timings } = context;
  const debounces = { soon: timings.poolStatus };
  const writer = new StatusWriter({
    applier,
    ref: IP_POOLS,
    clock,
    debounces,
    recorder,
    events: byConditions(POOL_EVENTS),
  });
  const reconciler = new Reconciler(context, writer);
  return {
    name: 'ippool',
    concurrency: 2,
    sources: [
      changesOf(caches.pools, (old, current) => {
        // Another range may begin or end an overlap with any pool.
        const isSameSpec = old !== undefined && old.metadata.generation === current?.metadata.generation;
        const changed = [old, current].flatMap((one) => (one === undefined ? [] : [keyOf(one)]));
        return isSameSpec ? changed : [...changed, ...caches.pools.list().map((one) => keyOf(one))];
      }),
      changesOf(
        caches.leases,
        (old, current) => {
          const lease = current ?? old;
          if (lease === undefined || (old !== undefined && current !== undefined)) return [];
          return [poolKeyOf(lease), ...poolsWith(caches.pools.list(), addressOf(lease))];
        },
        (key) => gatherMs(caches.pools.get(key)),
      ),
    ],
    reconcile: (key, signal) => reconciler.reconcile(key, signal),
  };
}

function gatherMs(pool: IPPool | undefined): number {
  return Math.min(Math.floor((pool?.status?.used ?? 0) * GATHER_MS_PER_LEASE), LONGEST_GATHER_MS);
}

class Reconciler {
  readonly #context: OperatorContext;
  readonly #writer: StatusWriter<IPPool>;

  constructor(context: OperatorContext, writer: StatusWriter<IPPool>) {
    this.#context = context;
    this.#writer = writer;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches, client } = this.#context;
    const cached = caches.pools.get(key);
    if (cached === undefined) {
      this.#writer.forget(key);
      return done;
    }
    const found = this.#writer.latest(cached);
    if (found.metadata.deletionTimestamp !== undefined) return await this.#release(found, signal);
    const pool = await addFinalizer(client, IP_POOLS, found, FINALIZER_IP_POOL);
    return await this.#write(pool, undefined, signal);
  }

  /** The cache may not show the newest lease yet, so the API server is asked before the pool is removed. */
  async #release(pool: IPPool, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches, client } = this.#context;
    const leases = caches.leases.byIndex(BY_POOL, keyOf(pool));
    if (leases.length === 0 && !(await isPoolInUse(client, pool, signal))) {
      const left = await removeFinalizer(client, IP_POOLS, pool, FINALIZER_IP_POOL);
      return left === undefined || !isHeld(left) ? done : await this.#write(left, heldObstacle(left), signal);
    }
    const holders = leases.map(({ spec }) => `${keyOf(spec.appliance)} (${spec.address})`);
    const blocker = poolObstacles.inUse(holders);
    const written = await this.#write(pool, blocker, signal);
    return soonest([written, waitFor(blocker.message, RELEASE_RECHECK_MS)]);
  }

  async #write(pool: IPPool, blocker: StatusFacts['blocker'], signal: AbortSignal): Promise<ReconcileResult> {
    const next = statusOf({ pool, blocker, ...this.#usage(pool), now: this.#context.clock.now() });
    return await this.#writer.write(pool, next, urgencyOf(pool.status, next), signal);
  }

  #usage(pool: IPPool): Pick<StatusFacts, 'usage' | 'overlaps'> {
    const { pools, leases } = this.#context.caches;
    const read = readPool(pool);
    if ('problem' in read) return { usage: read, overlaps: [] };
    const overlaps = overlapsOf(pool, read.pool, pools.list());
    const others = overlaps.flatMap(({ key }) => leases.byIndex(BY_POOL, key));
    const usage = usageOf(read.pool, leases.byIndex(BY_POOL, keyOf(pool)), others);
    return { usage, overlaps: overlaps.map(({ description }) => description) };
  }
}

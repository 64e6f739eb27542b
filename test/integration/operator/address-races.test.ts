import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Caches, OperatorContext } from '../../../controllers/context.ts';
import { HostViews } from '../../../controllers/daemons/view.ts';
import { APPLIANCE_INDEXES, LEASE_INDEXES } from '../../../controllers/indexes.ts';
import { addressSources } from '../../../controllers/virtualappliance/address-sources.ts';
import { ensureAddress } from '../../../controllers/virtualappliance/assign-address.ts';
import { ExhaustedPools } from '../../../controllers/virtualappliance/exhausted-pools.ts';
import { IP_LEASES, IP_POOLS, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../../src/api/kinds.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import { isConflict } from '../../../src/kube/api-error.ts';
import type { Source } from '../../../src/kube/controller/controller.ts';
import { TransientError, WaitingError } from '../../../src/kube/controller/errors.ts';
import { createInformer, type Informer } from '../../../src/kube/informer/informer.ts';
import type { IndexFunction } from '../../../src/kube/informer/store.ts';
import { aLease } from '../../builders/objects.ts';
import { expectStanding, READY } from '../../expectations/conditions.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const log = pino({ level: 'silent' });
const POOL = { namespace: 'default', name: 'lan' };

/** What an operator knows when it gives addresses: caches of its own, which lag behind as they like. */
class Contender {
  readonly context: Pick<OperatorContext, 'client' | 'caches' | 'recorder' | 'views'>;
  readonly exhausted = new ExhaustedPools();
  readonly #ended = new AbortController();
  readonly #running: Promise<void>[] = [];

  constructor({ kube }: World) {
    const cache = <T extends KubeObject>(
      ref: ResourceRef<T>,
      indexes?: Readonly<Record<string, IndexFunction<T>>>,
    ): Informer<T> => {
      const informer = createInformer({
        client: kube,
        ref,
        indexes,
        clock: systemClock,
        random: Math.random,
        log,
      });
      this.#running.push(informer.run(this.#ended.signal));
      return informer;
    };
    const caches = {
      pools: cache(IP_POOLS),
      leases: cache(IP_LEASES, LEASE_INDEXES),
      appliances: cache(VIRTUAL_APPLIANCES, APPLIANCE_INDEXES),
    } as unknown as Caches;
    const recorder = {
      record: () => undefined,
      flush: async () => undefined,
    } as unknown as OperatorContext['recorder'];
    this.context = { client: kube, caches, recorder, views: new HostViews() };
    const queue = { add: () => undefined, addAfter: () => undefined } as unknown as Parameters<
      Source['connect']
    >[0];
    for (const source of addressSources(this.context, this.exhausted)) source.connect(queue);
  }

  async ready(): Promise<void> {
    const { pools, leases, appliances } = this.context.caches;
    await Promise.all([pools, leases, appliances].map((one) => one.waitForSync()));
  }

  async end(): Promise<void> {
    this.#ended.abort(new Error('the test is over'));
    await Promise.all(this.#running);
  }

  /** One attempt with the appliance as it was read; an attempt that lost a race is one to repeat. */
  async attempt(appliance: VirtualAppliance, context = this.context): Promise<string | 'again' | 'waits'> {
    try {
      const signal = new AbortController().signal;
      const { given } = await ensureAddress(context, appliance, this.exhausted, signal);
      return given?.address ?? 'again';
    } catch (error) {
      if (error instanceof WaitingError) return 'waits';
      if (error instanceof TransientError || isConflict(error)) return 'again';
      throw error;
    }
  }
}

describe('who gives addresses at the same time', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
  });
  afterEach(async () => {
    if (!world.hasOperator()) await world.startOperator();
    await world.clear();
    await world.stopOperator();
    expect(await world.leases()).toEqual([]);
  });
  afterAll(() => world.stop());

  const openPool = async (last: number) => {
    await world.addPool('lan', { ranges: [{ start: '10.0.8.10', end: `10.0.8.${last}` }] });
    await world.kube.patch(IP_POOLS, POOL, { metadata: { finalizers: ['coppice.dev/ip-pool'] } });
  };
  const given = async () =>
    (await world.appliances()).map(({ status }) => status?.network?.address ?? 'none');

  it('neither gives two appliances one address, nor one appliance two, on caches that lag behind', async () => {
    await openPool(29);
    const names = Array.from({ length: 20 }, (_, index) => `va-${index}`);
    for (const name of names)
      await world.addAppliance(name, { hostName: 'host-a', network: { pool: 'lan' } });
    const contenders = [new Contender(world), new Contender(world), new Contender(world)];
    try {
      await Promise.all(contenders.map((one) => one.ready()));
      // All three begin with the same old reading of every appliance; later rounds read again, as after an event.
      const told = new Map<string, Set<string>>(names.map((name) => [name, new Set()]));
      await eventually('all have an address', async () => {
        const seen = await world.appliances();
        const results = await Promise.all(
          contenders.flatMap((one) =>
            seen.map(async (appliance) => [appliance.metadata.name, await one.attempt(appliance)] as const),
          ),
        );
        for (const [name, result] of results)
          if (result !== 'again' && result !== 'waits') told.get(name)?.add(result);
        expect(results.map(([, result]) => result)).not.toContain('again');
        expect(results.map(([, result]) => result)).not.toContain('waits');
      });
      const addresses = await given();
      expect(new Set(addresses).size).toBe(20);
      for (const { metadata, status } of await world.appliances())
        expect([...(told.get(metadata.name) ?? [])], 'a host received no other').toEqual([
          status?.network?.address,
        ]);
      await eventually('nothing is left over', async () => {
        for (const one of contenders)
          for (const appliance of await world.appliances()) await one.attempt(appliance);
        expect((await world.leases()).map(({ spec }) => spec.address).sort()).toEqual([...addresses].sort());
      });
    } finally {
      await Promise.all(contenders.map((one) => one.end()));
    }
  });

  it('the loser of a race for one appliance gives its lease back', async () => {
    await openPool(29);
    await world.addAppliance('web', { hostName: 'host-a', network: { pool: 'lan' } });
    const [first, second] = [new Contender(world), new Contender(world)];
    try {
      await Promise.all([first.ready(), second.ready()]);
      const seen = await world.appliance('web');
      const winner = await first.attempt(seen);
      // The second had looked for leases before that one was made, and takes its address for another's.
      const { caches, client, ...rest } = second.context;
      const leases = {
        ...caches.leases,
        get: (name: string) => (name === winner ? aLease(name, 'uid-another') : undefined),
      };
      const list = async () => ({ items: [], resourceVersion: '0' });
      const blind = { ...rest, client: { ...client, list }, caches: { ...caches, leases } };
      expect(await second.attempt(seen, blind)).toBe('again');
      expect(await world.leases()).toHaveLength(2);
      await eventually('one is left', async () => {
        expect(await second.attempt(await world.appliance('web'))).toBe(winner);
        expect((await world.leases()).map(({ spec }) => spec.address)).toEqual([winner]);
      });
    } finally {
      await Promise.all([first.end(), second.end()]);
    }
  });

  it('two whole operators that both act give each appliance one address', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan', { ranges: [{ start: '10.0.8.10', end: '10.0.8.17' }] });
    const operators = await Promise.all([world.newOperator(), world.newOperator()]);
    try {
      await world.deploy('shop', { replicas: 8, network: { pool: 'lan' } });
      await eventually('all answer', async () => {
        const appliances = await world.appliances();
        expect(appliances).toHaveLength(8);
        for (const { status } of appliances) expectStanding(status?.conditions, READY, 'ServiceAvailable');
      });
      const addresses = await given();
      expect(new Set(addresses).size).toBe(8);
      await eventually('nothing is left over', async () => {
        expect((await world.leases()).map(({ spec }) => spec.address).sort()).toEqual([...addresses].sort());
      });
    } finally {
      await Promise.all(operators.map((operator) => operator.close()));
    }
  });
});

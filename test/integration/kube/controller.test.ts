import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { IPPool } from '../../../src/api/kinds.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { createApplier } from '../../../src/kube/client/apply.ts';
import { runController, sourceOf } from '../../../src/kube/controller/controller.ts';
import { done } from '../../../src/kube/controller/outcome.ts';
import { EVENTS } from '../../../src/kube/events/event-record.ts';
import { createEventRecorder } from '../../../src/kube/events/events.ts';
import { createInformer } from '../../../src/kube/informer/informer.ts';
import { startChaosProxy } from '../../kubernetes/chaos-proxy.ts';
import { IP_POOLS, log, pool, ready, startWorld, type World } from './world.ts';

/** A busy machine may stand still for seconds. */
const patience = { timeout: 20_000, interval: 20 };

const random = Math.random;
const clock = systemClock;

describe('a controller and an API server', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld('controller');
  });
  afterAll(async () => {
    await world?.stop();
  });

  const pools = async () => (await world.client.list(IP_POOLS, { namespace: world.namespace })).items;
  const isCounted = ({ metadata, status }: IPPool) => status?.observedGeneration === metadata.generation;

  it('brings every object to its end, with one write each, through broken connections', async () => {
    const proxy = await startChaosProxy(world.api.kubeConfig);
    const client = world.clientFor(proxy.kubeConfig);
    const stop = new AbortController();
    const informer = createInformer({
      client,
      ref: IP_POOLS,
      clock,
      random,
      log,
      namespace: world.namespace,
    });
    const applier = createApplier(client, 'coppice-test');
    let writes = 0;
    const reconcile = async (key: string) => {
      const object = informer.get(key);
      if (object !== undefined) {
        const { generation } = object.metadata;
        const status = { conditions: [ready(generation)], observedGeneration: generation };
        const written = await applier.status(IP_POOLS, object, status, stop.signal);
        writes += written === undefined ? 0 : 1;
      }
      return done;
    };
    const sources = [sourceOf(informer, ({ metadata }) => [`${metadata.namespace}/${metadata.name}`])];
    const running = Promise.all([
      informer.run(stop.signal),
      runController({ name: 'pools', concurrency: 8, sources, reconcile, log, clock, random }, stop.signal),
    ]);
    try {
      const names = Array.from({ length: 40 }, (_, index) => `pool-${index}`);
      for (const name of names) {
        await world.client.create(IP_POOLS, pool(world.namespace, name));
      }
      await vi.waitFor(async () => expect((await pools()).every(isCounted)).toBe(true), patience);
      // The server has a write before the writer knows.
      await vi.waitFor(() => expect(writes).toBe(40), patience);
      proxy.reset();
      await world.client.patch(
        IP_POOLS,
        { namespace: world.namespace, name: 'pool-7' },
        { spec: { prefix: 25 } },
      );
      await vi.waitFor(async () => expect((await pools()).every(isCounted)).toBe(true), patience);
      await vi.waitFor(() => expect(writes).toBe(41), patience);
    } finally {
      stop.abort();
      await running;
      await proxy.close();
    }
    expect(writes).toBe(41);
  });

  it('tells by Events what kubectl shows of an object', async () => {
    const about = await world.client.create(IP_POOLS, pool(world.namespace, 'told'));
    const { client } = world;
    const recorder = createEventRecorder({
      client,
      clock,
      random,
      log,
      component: 'coppice',
      instance: 'test',
    });
    recorder.record(about, { type: 'Normal', reason: 'Counted', message: '11 addresses' });
    await recorder.flush();
    recorder.record(about, { type: 'Normal', reason: 'Counted', message: '11 addresses' });
    recorder.record(about, { type: 'Warning', reason: 'Exhausted', message: 'no address is left' });
    await recorder.flush();
    const { items } = await client.list(EVENTS, {
      namespace: world.namespace,
      fieldSelector: `involvedObject.uid=${about.metadata.uid}`,
    });
    expect(items.map(({ type, reason, count }) => `${type} ${reason} ${count}`).sort()).toEqual([
      'Normal Counted 2',
      'Warning Exhausted 1',
    ]);
  });
});

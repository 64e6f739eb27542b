import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { IPPool } from '../../../src/api/kinds.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { createInformer, type Informer } from '../../../src/kube/informer/informer.ts';
import type { InformerEvent } from '../../../src/kube/informer/supervisor.ts';
import { type ChaosProxy, startChaosProxy } from '../../kubernetes/chaos-proxy.ts';
import { IP_POOLS, log, pool, startWorld, type World } from './world.ts';

/** A busy machine may stand still for seconds. */
const patience = { timeout: 20_000, interval: 20 };

describe('an informer and an API server', () => {
  let world: World;
  let proxy: ChaosProxy;
  let stop: AbortController;
  let running: Promise<void>;
  let informer: Informer<IPPool>;
  let events: InformerEvent[];
  let changes: string[];
  beforeAll(async () => {
    world = await startWorld('informer');
  });
  afterAll(async () => {
    await world?.stop();
  });
  beforeEach(async () => {
    proxy = await startChaosProxy(world.api.kubeConfig);
    stop = new AbortController();
    events = [];
    changes = [];
    informer = createInformer({
      client: world.clientFor(proxy.kubeConfig),
      ref: IP_POOLS,
      clock: systemClock,
      random: Math.random,
      log,
      namespace: world.namespace,
      idleMs: 2000,
      observe: (event) => events.push(event),
    });
    informer.addHandler((old, current) => {
      const name = (current ?? old)?.metadata.name;
      changes.push(old === undefined ? `+${name}` : current === undefined ? `-${name}` : `~${name}`);
    });
    running = informer.run(stop.signal);
    await informer.waitForSync(AbortSignal.timeout(20_000));
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await proxy.close();
    for (const { metadata } of (await world.client.list(IP_POOLS, { namespace: world.namespace })).items) {
      await world.client.delete(IP_POOLS, metadata);
    }
  });

  const create = (name: string) => world.client.create(IP_POOLS, pool(world.namespace, name));
  const patch = (name: string, round: number) =>
    world.client.patch(
      IP_POOLS,
      { namespace: world.namespace, name },
      { metadata: { labels: { round: `${round}` } } },
    );
  /** Waits until the cache holds exactly what the API server holds. */
  const caughtUp = async () => {
    const { items } = await world.client.list(IP_POOLS, { namespace: world.namespace });
    const versions = (pools: readonly IPPool[]) =>
      pools.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`).sort();
    await vi.waitFor(() => expect(versions(informer.list())).toEqual(versions(items)), patience);
  };

  it('follows creation, change and deletion', async () => {
    await create('a');
    await patch('a', 1);
    await world.client.delete(IP_POOLS, { namespace: world.namespace, name: 'a' });
    await vi.waitFor(() => expect(changes).toEqual(['+a', '~a', '-a']), patience);
    expect(informer.list()).toEqual([]);
  });

  it('loses nothing when its connections are reset again and again, and keeps none of them', async () => {
    await create('a');
    for (let round = 0; round < 20; round += 1) {
      proxy.reset();
      await patch('a', round);
    }
    await create('b');
    await caughtUp();
    expect(changes.filter((change) => change === '+a')).toHaveLength(1);
    expect(proxy.open).toBeLessThanOrEqual(3);
  });

  it('loses nothing when its connection freezes and stays open', async () => {
    await create('a');
    await caughtUp();
    proxy.freeze();
    await patch('a', 1);
    await caughtUp();
    expect(events.filter((event) => event.type === 'failed')).toContainEqual({
      type: 'failed',
      error: expect.any(Error),
      reason: 'DeadlineExceeded',
    });
  });

  it('is not hot while the server is away, and is back soon after it', async () => {
    proxy.refuse(true);
    proxy.reset();
    const before = proxy.accepted;
    await create('a');
    await vi.waitFor(
      () => expect(events.filter((event) => event.type === 'failed').length).toBeGreaterThan(5),
      patience,
    );
    const failures = events.filter((event) => event.type === 'failed').length;
    // A read is tried twice; each try is a connection.
    expect(proxy.accepted - before).toBeLessThanOrEqual(failures * 2 + 4);
    proxy.refuse(false);
    await vi.waitFor(() => expect(changes).toEqual(['+a']), patience);
  });
});

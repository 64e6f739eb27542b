import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { createInformer } from '../../../src/kube/informer/informer.ts';
import { type ChaosProxy, startChaosProxy } from '../../kubernetes/chaos-proxy.ts';
import { heapUsed } from '../heap.ts';
import { IP_POOLS, log, pool, startWorld, type World } from './world.ts';

const RECONNECTS = 1000;

/** What a thousand connections may leave behind in all: any leak of one buffer each would be many times as much. */
const MOST_LEFT_BYTES = 8 * 1024 * 1024;

/** Time that passes so much faster that back-off after failures is no reason to wait for minutes. */
const quickClock: Clock = {
  ...systemClock,
  schedule: (ms, run) => systemClock.schedule(ms / 200, run),
};

describe('an informer that loses its connection a thousand times', () => {
  let world: World;
  let proxy: ChaosProxy;
  beforeAll(async () => {
    world = await startWorld('reconnects');
    proxy = await startChaosProxy(world.api.kubeConfig);
  });
  afterAll(async () => {
    await proxy?.close();
    await world?.stop();
  });

  it('leaks neither sockets nor memory, and misses nothing', async () => {
    const stop = new AbortController();
    const informer = createInformer({
      client: world.clientFor(proxy.kubeConfig),
      ref: IP_POOLS,
      clock: quickClock,
      random: Math.random,
      log,
      namespace: world.namespace,
    });
    const running = informer.run(stop.signal);
    const reconnect = async (times: number) => {
      for (let round = 0; round < times; round += 1) {
        const before = proxy.accepted;
        proxy.reset();
        await vi.waitUntil(() => proxy.accepted > before && proxy.open > 0, { timeout: 30_000, interval: 1 });
      }
    };
    try {
      await informer.waitForSync(AbortSignal.timeout(20_000));
      // What is made once and kept (code, pools) is there before counting begins.
      await reconnect(RECONNECTS / 10);
      const heap = heapUsed();
      await reconnect(RECONNECTS);
      expect(heapUsed() - heap).toBeLessThan(MOST_LEFT_BYTES);
      await world.client.create(IP_POOLS, pool(world.namespace, 'last'));
      await vi.waitFor(() => expect(informer.list().map(({ metadata }) => metadata.name)).toEqual(['last']), {
        timeout: 20_000,
      });
      expect(proxy.open).toBeLessThanOrEqual(3);
    } finally {
      stop.abort();
      await running;
    }
  });
});

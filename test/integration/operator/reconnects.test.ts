import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVICE_DEPLOYMENTS } from '../../../src/api/kinds.ts';
import type { Operator } from '../../../src/main/operator.ts';
import { type ChaosProxy, startChaosProxy } from '../../kubernetes/chaos-proxy.ts';
import { heapUsed } from '../heap.ts';
import { eventually } from './eventually.ts';
import { shopDeployed } from './shop.ts';
import { World } from './world.ts';

/** Connections that the operator is to make in all, because those it had were reset. */
const RECONNECTS = 1000;
/** One for each kind it follows. */
const WATCHES = 7;
/** What they may leave behind in all; one leaked buffer of 64 KiB for each would come to 64 MiB. */
const MOST_LEFT_BYTES = 8 * 1024 * 1024;
/** How much faster time passes for the operator: most of the test would be its back-off after failures. */
const FACTOR = 10;
/** Of the pool of ordinary requests, some more may be open than before. */
const MOST_LEFT_FILES = 16;

describe('an operator whose connections are reset a thousand times', () => {
  let world: World;
  let proxy: ChaosProxy;
  let operator: Operator;

  beforeAll(async () => {
    // In a process of its own, so that what it keeps is not counted.
    world = await World.start({ asProgram: true });
    await world.addHost('host-a');
    await world.addTemplate('debian');
    proxy = await startChaosProxy(world.api.operatorKubeConfig);
    operator = await world.newFastOperator(FACTOR, { kubeConfig: proxy.kubeConfig });
  });
  afterAll(async () => {
    await world?.clear();
    await operator?.close();
    await proxy?.close();
    await world?.stop();
  });

  const reconnect = async (times: number) => {
    const enough = proxy.accepted + times;
    while (proxy.accepted < enough) {
      const before = proxy.accepted;
      proxy.reset();
      await eventually('all watches are back', async () => {
        expect(proxy.accepted - before).toBeGreaterThanOrEqual(WATCHES);
        expect(proxy.open).toBeGreaterThanOrEqual(WATCHES);
      });
    }
  };
  /** Files and sockets that this process has open. */
  const openFiles = async () => (await readdir('/dev/fd')).length;

  it('leaks neither sockets nor memory, and still does its work', async () => {
    await world.deploy('shop', { replicas: 1 });
    await shopDeployed(world, 1);
    // What is made once and kept (code, pools) is there before counting begins.
    await reconnect(RECONNECTS / 10);
    const heap = heapUsed();
    const files = await openFiles();
    await reconnect(RECONNECTS);
    expect(heapUsed() - heap).toBeLessThan(MOST_LEFT_BYTES);
    await eventually('nothing more is open', async () =>
      expect(await openFiles()).toBeLessThanOrEqual(files + MOST_LEFT_FILES),
    );
    await world.kube.patch(
      SERVICE_DEPLOYMENTS,
      { namespace: 'default', name: 'shop' },
      { spec: { replicas: 2 } },
    );
    await shopDeployed(world, 2);
    expect(await world.daemons.appliancesOn('host-a')).toEqual(['shop-web-0', 'shop-web-1']);
  }, 300_000);
});

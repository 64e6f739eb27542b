import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LEASES } from '../../../src/kube/election/lease-record.ts';
import type { Operator } from '../../../src/main/operator.ts';
import { type ChaosProxy, startChaosProxy } from '../../kubernetes/chaos-proxy.ts';
import { eventually } from './eventually.ts';
import { scaleShop, shopDeployed } from './shop.ts';
import { World } from './world.ts';

/** client-go's ReadIdleTimeout and PingTimeout: other operators notice by then. */
const CLIENT_GO_MS = 45_000;

/** How much faster time passes for the operator, but in the round that keeps the real one. */
const FACTOR = 2;

describe('connections that are dead and look open', () => {
  let world: World;
  let proxy: ChaosProxy;
  let operator: Operator | undefined;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
  });
  afterAll(() => world?.stop());
  beforeEach(async () => {
    proxy = await startChaosProxy(world.api.operatorKubeConfig);
    await world.addTemplate('debian');
  });
  afterEach(async () => {
    await operator?.close();
    operator = undefined;
    await proxy.close();
    await world.startOperator();
    await world.clear();
    await world.stopOperator();
  });

  it.each([
    [1, 1],
    [2, FACTOR],
    [3, FACTOR],
  ])('are given up, and the operator converges on new ones (round %i)', async (replicas, factor) => {
    operator = await world.newFastOperator(factor, { kubeConfig: proxy.kubeConfig });
    await world.deploy('shop', { replicas });
    await shopDeployed(world, replicas);
    const before = proxy.accepted;
    proxy.freeze();
    expect(proxy.frozen).toBeGreaterThan(5);
    await scaleShop(world, replicas + 1);
    await shopDeployed(world, replicas + 1, CLIENT_GO_MS / factor);
    expect(proxy.accepted).toBeGreaterThan(before);
    await eventually('none of them is kept', async () => expect(proxy.frozen).toBe(0));
    await scaleShop(world, replicas);
    await shopDeployed(world, replicas);
    expect(await world.daemons.appliancesOn('host-a')).toEqual(
      Array.from({ length: replicas }, (_, ordinal) => `shop-web-${ordinal}`),
    );
  });

  it('do not cost a leader its lease', async () => {
    const leaderElection = { namespace: 'default' };
    operator = await world.newFastOperator(FACTOR, { kubeConfig: proxy.kubeConfig, leaderElection });
    await world.deploy('shop', { replicas: 1 });
    await shopDeployed(world, 1);
    const lease = async () =>
      await world.kube.get(LEASES, { namespace: 'default', name: 'coppice-operator' });
    const before = await lease();
    proxy.freeze();
    await scaleShop(world, 2);
    await shopDeployed(world, 2, CLIENT_GO_MS / FACTOR);
    await eventually('the lease is renewed', async () =>
      expect((await lease()).metadata.resourceVersion).not.toBe(before.metadata.resourceVersion),
    );
    const { spec } = await lease();
    expect(spec?.holderIdentity).toBe(before.spec?.holderIdentity);
    expect(spec?.acquireTime).toBe(before.spec?.acquireTime);
  });
});

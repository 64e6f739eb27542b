import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SERVICE_DEPLOYMENTS } from '../../../src/api/kinds.ts';
import type { Operator } from '../../../src/main/operator.ts';
import { expectStanding, READY } from '../../expectations/conditions.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../../kubernetes/fault-proxy.ts';
import { eventually } from './eventually.ts';
import { expectNoHotLoop, medianOf } from './request-rates.ts';
import { scaleShop, shopDeployed } from './shop.ts';
import { World } from './world.ts';

const HOSTS = ['host-a', 'host-b'];

/** A write that acts upon a change of the task: it says that it saw it, or makes or removes appliances. */
const ACT = /servicedeployments\/shop\/status|virtualappliances(\?|$)|virtualappliances\/shop-web-\d+(\?|$)/;

/** Requests that must have met a fault before it ends, so that it was felt. */
const FELT = 5;

/** How long a fault lasts, and then its absence is watched: a hot loop would ask thousands of times in it. */
const HELD_MS = 5000;
const AFTER_MS = 2000;

/** Longer than dead connections are kept. */
const LONG_HELD_MS = 12_000;

/** The bound of what passes between the server's first answer and the operator's first act. */
const MOST_LAG_MS = 1000;
const ROUNDS = 5;

const FAULTS: readonly (readonly [name: string, fault: Fault])[] = [
  ['answers 429 and says when to come back', { kind: 'status', status: 429, retryAfterSeconds: 1 }],
  ['answers 500', { kind: 'status', status: 500 }],
  ['answers 410', { kind: 'status', status: 410 }],
  ['sends half of its answers', { kind: 'truncated' }],
  ['sends its answers slowly', { kind: 'slow', pauseMs: 50 }],
];

describe('an API server in trouble', () => {
  let world: World;
  let proxy: FaultProxy;
  let operator: Operator;

  beforeAll(async () => {
    world = await World.start({ asProgram: true });
    for (const name of HOSTS) await world.addHost(name);
  });
  afterAll(() => world?.stop());
  beforeEach(async () => {
    proxy = await startFaultProxy(world.api.kubeConfig);
    operator = await world.newOperator({ kubeConfig: proxy.kubeConfig });
    await world.addTemplate('debian');
  });
  afterEach(async () => {
    proxy.fault(undefined);
    await world.clear();
    await operator.close();
    await proxy.close();
  });

  const onHosts = async () =>
    (await Promise.all(HOSTS.map((host) => world.daemons.appliancesOn(host)))).flat().sort();
  const creations = () =>
    proxy.passed.filter(({ method, path }) => method !== 'GET' && /virtualappliances(\?|$)/.test(path))
      .length;

  /** Lets that time pass while the operator is watched: however long it takes, nothing may be asked for in a hot loop. */
  const watchFor = async (ms: number, changes: number, since = performance.now()) => {
    await delay(ms);
    const until = performance.now();
    expectNoHotLoop(
      proxy.passed.filter(({ at }) => at >= since && at < until),
      until - since,
      changes,
    );
  };

  /** Makes a change, now that the server answers (since then, or now); milliseconds until the operator first acts upon it. */
  const lagOf = async (change: () => Promise<unknown>, since = performance.now()) => {
    await change();
    return await eventually('it acts', async () => {
      const act = proxy.passed.find(
        ({ at, method, path }) => at >= since && method !== 'GET' && ACT.test(path),
      );
      if (act === undefined) throw new Error('not yet');
      return act.at - since;
    });
  };

  /** What has been deployed is as it should be, once, and changes reach the operator at once again. */
  const isWell = async (replicas: number) => {
    await shopDeployed(world, replicas);
    expect(await onHosts()).toEqual(Array.from({ length: replicas }, (_, ordinal) => `shop-web-${ordinal}`));
    const lags: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [web] = (await world.deployment('shop')).spec.services;
      const services = [{ ...web, maxUnavailable: 2 + round }];
      const name = { namespace: 'default', name: 'shop' };
      lags.push(await lagOf(() => world.kube.patch(SERVICE_DEPLOYMENTS, name, { spec: { services } })));
      await shopDeployed(world, replicas);
    }
    expect(medianOf(lags)).toBeLessThan(MOST_LAG_MS);
  };

  it.each(FAULTS)('that %s', async (_, fault) => {
    await world.deploy('shop', { replicas: 2 });
    await shopDeployed(world, 2);
    const lags: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const replicas = 3 - (round % 2);
      const met = proxy.passed.length;
      proxy.fault(fault);
      proxy.reset();
      // Once for long, so that all delays have grown; then for as long as it takes to be felt.
      if (round === 0) await watchFor(HELD_MS, 1);
      await eventually('it was felt', async () =>
        expect(proxy.passed.length - met).toBeGreaterThanOrEqual(FELT),
      );
      const since = performance.now();
      proxy.fault(undefined);
      lags.push(await lagOf(() => scaleShop(world, replicas), since));
      await shopDeployed(world, replicas);
      if (round === 0) await watchFor(AFTER_MS, 1, since);
    }
    // Whoever was told when to come back comes back then.
    const askedForMs = fault.kind === 'status' ? (fault.retryAfterSeconds ?? 0) * 1000 : 0;
    expect(medianOf(lags)).toBeLessThan(MOST_LAG_MS + askedForMs);
    await isWell(3);
  });

  it('that is frozen, and thaws', async () => {
    await world.deploy('shop', { replicas: 2 });
    await shopDeployed(world, 2);
    proxy.fault({ kind: 'frozen' });
    await world.addAppliance('meanwhile');
    await watchFor(LONG_HELD_MS, 1);
    const thawedAt = performance.now();
    proxy.fault(undefined);
    await scaleShop(world, 3);
    await shopDeployed(world, 3);
    await eventually('the other one, too', async () =>
      expectStanding((await world.appliance('meanwhile')).status?.conditions, READY, 'ServiceAvailable'),
    );
    await watchFor(AFTER_MS, 2, thawedAt);
    await world.removeAppliance('meanwhile');
    await eventually('it is gone', async () => expect(await onHosts()).not.toContain('meanwhile'));
    await isWell(3);
  });

  it('that resets its connections again and again', async () => {
    await world.deploy('shop', { replicas: 1 });
    const since = performance.now();
    for (let round = 0; round < 20; round += 1) {
      proxy.reset();
      await scaleShop(world, 1 + (round % 3));
    }
    await scaleShop(world, 3);
    await shopDeployed(world, 3);
    await watchFor(AFTER_MS, 21, since);
    await isWell(3);
  });

  it('that is killed and started again', async () => {
    await world.deploy('shop', { replicas: 2 });
    await shopDeployed(world, 2);
    const met = proxy.passed.length;
    await world.api.kill();
    await watchFor(HELD_MS, 1);
    expect(proxy.passed.length - met).toBeGreaterThanOrEqual(FELT);
    await world.api.start();
    const since = performance.now();
    await eventually('it is back', () => scaleShop(world, 3));
    await shopDeployed(world, 3);
    await watchFor(AFTER_MS, 1, since);
    await isWell(3);
  });

  it('that has lost its history', async () => {
    await world.deploy('shop', { replicas: 2 });
    await shopDeployed(world, 2);
    const since = performance.now();
    await world.api.loseHistory();
    await eventually('it is back', () => scaleShop(world, 3));
    await shopDeployed(world, 3);
    await watchFor(AFTER_MS, 2, since);
    await isWell(3);
  });

  it('whose events come late makes no appliance twice', async () => {
    proxy.delayWatches('virtualappliances', 1500);
    const before = creations();
    await world.deploy('shop', { replicas: 5 });
    await shopDeployed(world, 5);
    expect(await onHosts()).toEqual(Array.from({ length: 5 }, (_, ordinal) => `shop-web-${ordinal}`));
    expect(creations() - before).toBe(5);
    proxy.delayWatches('virtualappliances', 0);
  });

  it('whose events come late makes and removes no appliance too many', async () => {
    const wanted = (count: number) => Array.from({ length: count }, (_, ordinal) => `shop-web-${ordinal}`);
    const uids = async () =>
      new Map((await world.appliances()).map(({ metadata }) => [metadata.name, metadata.uid]));
    await world.deploy('shop', { replicas: 5 });
    await shopDeployed(world, 5);
    const before = await uids();
    proxy.delayWatches('virtualappliances', 1500);
    await scaleShop(world, 4);
    // While its deletion is not seen yet, the task is looked at again for another reason.
    await scaleShop(world, 3);
    await shopDeployed(world, 3);
    expect(await onHosts()).toEqual(wanted(3));
    expect(await uids()).toEqual(new Map(wanted(3).map((name) => [name, before.get(name)])));

    await world.removeAppliance('shop-web-1');
    await eventually('it was replaced', async () => {
      const uid = (await uids()).get('shop-web-1');
      expect(uid).toBeDefined();
      expect(uid).not.toBe(before.get('shop-web-1'));
    });
    await shopDeployed(world, 3);
    expect(await onHosts()).toEqual(wanted(3));
    for (const name of ['shop-web-0', 'shop-web-2']) expect((await uids()).get(name)).toBe(before.get(name));
    proxy.delayWatches('virtualappliances', 0);
  });
});

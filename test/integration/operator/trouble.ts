import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { SERVICE_DEPLOYMENTS } from '../../../src/api/kinds.ts';
import type { Operator } from '../../../src/main/operator.ts';
import { type FaultProxy, startFaultProxy } from '../../kubernetes/fault-proxy.ts';
import { eventually } from './eventually.ts';
import { expectNoHotLoop, medianOf } from './request-rates.ts';
import { shopDeployed } from './shop.ts';
import { World } from './world.ts';

const HOSTS = ['host-a', 'host-b'];

/** A write that acts upon a change of the task: it says that it saw it, or makes or removes appliances. */
const ACT = /servicedeployments\/shop\/status|virtualappliances(\?|$)|virtualappliances\/shop-web-\d+(\?|$)/;

/** Requests that must have met a fault before it ends, so that it was felt. */
export const FELT = 5;

/** How long a fault lasts, so that all delays have grown, and then its absence is watched: a hot loop would ask thousands of times in it. */
export const HELD_MS = 3000;
export const AFTER_MS = 1000;

/** The bound of what passes between the server's first answer and the operator's first act. */
export const MOST_LAG_MS = 1000;
/** Of so many lags the median counts: COPPICE_TEST_ROUNDS is how many, which is odd. */
export const ROUNDS = Number(process.env.COPPICE_TEST_ROUNDS || 3);

/** An operator that reaches its API server through a proxy, which reads along and answers as servers in trouble do. */
export class Trouble {
  /** How much faster than the machine's the operator's time passes. */
  readonly #factor: number;
  #world: World | undefined;
  #running: { readonly proxy: FaultProxy; readonly operator: Operator } | undefined;

  constructor(factor: number) {
    this.#factor = factor;
  }

  get world(): World {
    if (this.#world === undefined) throw new Error('there is no API server yet');
    return this.#world;
  }

  get proxy(): FaultProxy {
    if (this.#running === undefined) throw new Error('there is no proxy yet');
    return this.#running.proxy;
  }

  async open(): Promise<void> {
    const world = await World.start({ asProgram: true });
    this.#world = world;
    for (const name of HOSTS) await world.addHost(name);
  }

  async close(): Promise<void> {
    await this.#world?.stop();
  }

  async begin(): Promise<void> {
    const proxy = await startFaultProxy(this.world.api.kubeConfig);
    const operator = await this.world.newFastOperator(this.#factor, { kubeConfig: proxy.kubeConfig });
    this.#running = { proxy, operator };
    await this.world.addTemplate('debian');
  }

  async end(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.proxy.fault(undefined);
    await this.world.clear();
    await running?.operator.close();
    await running?.proxy.close();
  }

  async onHosts(): Promise<string[]> {
    return (await Promise.all(HOSTS.map((host) => this.world.daemons.appliancesOn(host)))).flat().sort();
  }

  creations(): number {
    return this.proxy.passed.filter(
      ({ method, path }) => method !== 'GET' && /virtualappliances(\?|$)/.test(path),
    ).length;
  }

  /** Lets that time pass while the operator is watched: however long it takes, nothing may be asked for in a hot loop. */
  async watchFor(ms: number, changes: number, since = performance.now()): Promise<void> {
    await delay(ms);
    const until = performance.now();
    expectNoHotLoop(
      this.proxy.passed.filter(({ at }) => at >= since && at < until),
      until - since,
      changes,
      this.#factor,
    );
  }

  /** Makes a change, now that the server answers (since then, or now); milliseconds until the operator first acts upon it. */
  async lagOf(change: () => Promise<unknown>, since = performance.now()): Promise<number> {
    await change();
    return await eventually('it acts', async () => {
      const act = this.proxy.passed.find(
        ({ at, method, path }) => at >= since && method !== 'GET' && ACT.test(path),
      );
      if (act === undefined) throw new Error('not yet');
      return act.at - since;
    });
  }

  /** What has been deployed is as it should be, once, and changes reach the operator at once again. */
  async isWell(replicas: number): Promise<void> {
    await shopDeployed(this.world, replicas);
    expect(await this.onHosts()).toEqual(
      Array.from({ length: replicas }, (_, ordinal) => `shop-web-${ordinal}`),
    );
    const lags: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [web] = (await this.world.deployment('shop')).spec.services;
      const services = [{ ...web, maxUnavailable: 2 + round }];
      const name = { namespace: 'default', name: 'shop' };
      const change = () => this.world.kube.patch(SERVICE_DEPLOYMENTS, name, { spec: { services } });
      lags.push(await this.lagOf(change));
      await shopDeployed(this.world, replicas);
    }
    expect(medianOf(lags)).toBeLessThan(MOST_LAG_MS);
  }
}

/** One for all tests of the suite that calls this, with an operator and a proxy of each test's own. */
export function useTrouble(factor = 1): Trouble {
  const trouble = new Trouble(factor);
  beforeAll(() => trouble.open());
  afterAll(() => trouble.close());
  beforeEach(() => trouble.begin());
  afterEach(() => trouble.end());
  return trouble;
}

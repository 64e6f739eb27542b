import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEMPLATES, type Template, VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import { expectStanding, READY } from '../../expectations/conditions.ts';
import { type FaultProxy, startFaultProxy } from '../../kubernetes/fault-proxy.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const REPLICAS = 2;
/** After how many writes the operator dies in each recall. Together they reach from its first one to its last. */
const WRITES =
  process.env.COPPICE_TEST_KILLS === 'all' ? [1, 2, 4, 6, 8, 11, 14, 17, 20, 23] : [1, 4, 8, 14, 20, 23];

describe('a recall whose operator is killed', () => {
  let world: World;
  /** Names of appliances that were to go although no image of them was whole. */
  const lost: string[] = [];
  const watching = new AbortController();
  let watch: Promise<void>;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
    await world.addHost('host-b');
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: REPLICAS });
    await withOperator(async () => await settled('Deployed'));
    watch = noteLosses();
  });
  afterAll(async () => {
    watching.abort();
    await watch;
    await world.stop();
  });

  const settled = (reason: string) =>
    eventually(`it is ${reason}`, async () => {
      const { metadata, status } = await world.deployment('shop');
      expectStanding(status?.conditions, READY, reason);
      expect(status?.observedGeneration).toBe(metadata.generation);
    });
  const images = async (): Promise<Template[]> => {
    const { items } = await world.kube.list(TEMPLATES, { namespace: 'default' });
    return items.filter(({ spec }) => spec.recalled !== undefined);
  };
  const withOperator = async (work: () => Promise<unknown>): Promise<void> => {
    await world.startOperator();
    await work().finally(() => world.stopOperator());
  };

  /** Looks at each appliance at the moment at which its deletion is asked for. */
  async function noteLosses(): Promise<void> {
    const { resourceVersion } = await world.kube.list(VIRTUAL_APPLIANCES);
    const options = { resourceVersion, timeoutSeconds: 600, idleMs: 600_000, signal: watching.signal };
    const seen = new Set<string | undefined>();
    try {
      for await (const event of world.kube.watch(VIRTUAL_APPLIANCES, options)) {
        const { uid, name, deletionTimestamp } = event.object.metadata;
        if (deletionTimestamp === undefined || seen.has(uid)) continue;
        seen.add(uid);
        const image = (await images()).find(({ spec }) => spec.source.appliance?.uid === uid);
        if (image?.status?.layers?.disk === undefined || (image.status.hostsReady ?? 0) < 1) lost.push(name);
      }
    } catch (error) {
      if (!watching.signal.aborted) throw error;
    }
  }

  /** Works on a task until so many of its writes have passed, and is no more. */
  const dieAfter = async (writes: number): Promise<number> => {
    const proxy: FaultProxy = await startFaultProxy(world.api.operatorKubeConfig);
    const over = proxy.cutAfter(writes);
    const operator = await world.newOperator({ kubeConfig: proxy.kubeConfig });
    const isDone = settled('Recalled').catch(() => undefined);
    await Promise.race([over, isDone]);
    await Promise.all([operator.close(), proxy.close()]);
    return proxy.passed.filter(({ method, sentAt }) => method !== 'GET' && sentAt !== undefined).length;
  };

  it.each(WRITES)('after %i of its writes goes on, loses no disk, and has one number', async (writes) => {
    const recall = WRITES.indexOf(writes) + 1;
    await world.change('shop', {}, { state: 'Recalled', recall: { save: true } });
    await dieAfter(writes);
    await world.daemons.stop('host-a');
    await world.daemons.restart('host-a');
    await withOperator(async () => {
      await settled('Recalled');
      const made = (await images()).filter(({ spec }) => spec.recalled?.recall === recall);
      expect(made.map(({ metadata }) => metadata.name).sort()).toEqual([
        `shop-web-${recall}`,
        `shop-web-${recall}-1`,
      ]);
      expect(await images()).toHaveLength(recall * REPLICAS);
      expect(lost).toEqual([]);
      await world.change('shop', {}, { state: 'Deployed' });
      await settled('Deployed');
    });
    const templates = (await world.appliances()).map(({ spec }) => spec.template.name).sort();
    expect(templates).toEqual([`shop-web-${recall}`, `shop-web-${recall}-1`]);
  });
});

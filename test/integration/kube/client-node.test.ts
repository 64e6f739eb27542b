import {
  CustomObjectsApi,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { IP_POOLS, pool, startWorld, type World } from './world.ts';

const patience = { timeout: 20_000, interval: 20 };

describe("client-node's own informer", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld('client-node');
  });
  afterAll(() => world?.stop());

  it('lists, follows, and goes on after the server has ended its watch', async () => {
    const { group, version, plural } = IP_POOLS;
    const { namespace } = world;
    const api = world.api.kubeConfig.makeApiClient(CustomObjectsApi);
    const list = () =>
      api.listNamespacedCustomObject({ group, version, plural, namespace }) as Promise<
        KubernetesListObject<KubernetesObject>
      >;
    const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}`;
    const seen: string[] = [];
    const key = (name: string) => ({ namespace, name });
    await world.client.create(IP_POOLS, pool(namespace, 'early'));
    const informer = makeInformer(world.api.kubeConfig, path, list);
    informer.on('add', ({ metadata }) => seen.push(`+${metadata?.name}`));
    informer.on('update', ({ metadata }) => seen.push(`~${metadata?.name}`));
    informer.on('delete', ({ metadata }) => seen.push(`-${metadata?.name}`));
    let isOver = false;
    /** While the server is away it is asked in vain; once the test is over, so would it be. */
    const startAgain = () => {
      setTimeout(() => {
        if (!isOver) informer.start().catch(startAgain);
      }, 100);
    };
    informer.on('error', startAgain);
    await informer.start();
    try {
      await vi.waitFor(() => expect(seen).toEqual(['+early']), patience);
      await world.client.create(IP_POOLS, pool(namespace, 'late'));
      await world.client.patch(IP_POOLS, key('early'), { metadata: { labels: { a: 'b' } } });
      await world.client.delete(IP_POOLS, key('late'));
      await vi.waitFor(() => expect(seen.slice(1)).toEqual(['+late', '~early', '-late']), patience);
      await world.api.loseHistory();
      await vi.waitFor(() => world.client.create(IP_POOLS, pool(namespace, 'after')), patience);
      await vi.waitFor(() => expect(seen).toContain('+after'), patience);
    } finally {
      isOver = true;
      await informer.stop();
    }
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CONFIG_MAPS } from '../../../src/api/kinds.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { KubeObject } from '../../../src/base/object.ts';
import type { Informer } from '../../../src/kube/informer/informer.ts';
import { createMetadataInformer } from '../../../src/kube/informer/metadata-informer.ts';
import { log, startWorld, type World } from './world.ts';

/** Stands in no metadata, so it must be nowhere. */
const SECRET = 'nobody is to keep this';
/** As `kubectl apply` leaves it. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const patience = { timeout: 20_000, interval: 20 };

describe('an informer of metadata and an API server', () => {
  let world: World;
  let stop: AbortController;
  let running: Promise<void>;
  let informer: Informer<KubeObject>;
  let seen: (KubeObject | undefined)[];

  beforeAll(async () => {
    world = await startWorld('metadata');
  });
  afterAll(async () => {
    await world?.stop();
  });
  beforeEach(() => {
    stop = new AbortController();
    seen = [];
    informer = createMetadataInformer({
      client: world.client,
      ref: CONFIG_MAPS,
      clock: systemClock,
      random: Math.random,
      log,
      namespace: world.namespace,
      labelSelector: 'of=test',
    });
    informer.addHandler((_old, current) => seen.push(current));
  });
  afterEach(async () => {
    stop.abort();
    await running;
    for (const { metadata } of (await world.client.list(CONFIG_MAPS, selected())).items)
      await world.client.delete(CONFIG_MAPS, metadata);
  });

  const selected = () => ({ namespace: world.namespace, labelSelector: 'of=test' });
  const follow = async () => {
    running = informer.run(stop.signal);
    await informer.waitForSync(AbortSignal.timeout(20_000));
  };
  const create = (name: string, data: Record<string, string>) =>
    world.client.create(CONFIG_MAPS, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace: world.namespace,
        labels: { of: 'test' },
        annotations: { [LAST_APPLIED]: JSON.stringify(data) },
      },
      data,
    });
  const metadataOf = ({ metadata }: KubeObject) => {
    const { managedFields: _fields, annotations: _annotations, ...kept } = metadata;
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: kept };
  };

  it('keeps the metadata of what is there, of what comes, and of what changes, and nothing else', async () => {
    const before = await create('before', { key: SECRET });
    await follow();
    expect(seen).toEqual([metadataOf(before)]);
    const after = await create('after', { key: 'old' });
    const name = { namespace: world.namespace, name: 'after' };
    const changed = await world.client.patch(CONFIG_MAPS, name, { data: { key: SECRET } });
    expect(changed.metadata.resourceVersion).not.toBe(after.metadata.resourceVersion);
    await world.client.delete(CONFIG_MAPS, name);
    const expected = [before, after, changed].map(metadataOf);
    await vi.waitFor(() => expect(seen).toEqual([...expected, undefined]), patience);
    expect(informer.list()).toEqual([metadataOf(before)]);
    expect(JSON.stringify(seen)).not.toContain(SECRET);
  });

  it('is not sent the content either', async () => {
    await create('listed', { key: SECRET });
    const { items, resourceVersion } = await world.client.list(CONFIG_MAPS, {
      ...selected(),
      metadataOnly: true,
    });
    expect(items.map((item) => Object.keys(item).sort())).toEqual([['apiVersion', 'kind', 'metadata']]);
    await create('watched', { key: SECRET });
    const times = { timeoutSeconds: 60, idleMs: 60_000 };
    const options = { ...selected(), ...times, resourceVersion, metadataOnly: true };
    for await (const { type, object } of world.client.watch(CONFIG_MAPS, options)) {
      if (type === 'BOOKMARK') continue;
      expect([type, object.metadata.name]).toEqual(['ADDED', 'watched']);
      expect(Object.keys(object).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
      break;
    }
  });

  it('is listed in pages, too', async () => {
    for (const name of ['a', 'b', 'c']) await create(name, { key: SECRET });
    const page = { ...selected(), limit: 2, metadataOnly: true };
    const first = await world.client.list(CONFIG_MAPS, page);
    const second = await world.client.list(CONFIG_MAPS, { ...page, continue: first.continue });
    const names = [first, second].map(({ items }) => items.map(({ metadata }) => metadata.name));
    expect(names).toEqual([['a', 'b'], ['c']]);
    expect(second.continue).toBeUndefined();
  });
});

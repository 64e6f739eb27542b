import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IPPool } from '../../../src/api/kinds.ts';
import { isConflict, isGone } from '../../../src/kube/api-error.ts';
import { createApplier } from '../../../src/kube/client/apply.ts';
import { addFinalizer, removeFinalizer } from '../../../src/kube/client/finalizer.ts';
import { IP_POOLS, pool, ready, startWorld, type World } from './world.ts';

describe('the client and an API server', () => {
  let world: World;
  let counter = 0;
  let name: string;
  beforeAll(async () => {
    world = await startWorld('client');
  });
  afterAll(async () => {
    await world?.stop();
  });
  beforeEach(() => {
    counter += 1;
    name = `pool-${counter}`;
  });

  const key = () => ({ namespace: world.namespace, name });
  const create = (): Promise<IPPool> => world.client.create(IP_POOLS, pool(world.namespace, name));

  it('creates, reads, patches and deletes', async () => {
    const created = await create();
    expect(created.metadata).toMatchObject({ uid: expect.any(String), generation: 1 });
    expect(await world.client.get(IP_POOLS, key())).toEqual(created);
    const patched = await world.client.patch(IP_POOLS, key(), { spec: { gateway: '10.0.0.1' } });
    expect(patched.metadata.generation).toBe(2);
    expect(patched.spec).toEqual({ ...created.spec, gateway: '10.0.0.1' });
    await world.client.delete(IP_POOLS, key());
    expect(await world.client.find(IP_POOLS, key())).toBeUndefined();
    await world.client.delete(IP_POOLS, key());
  });

  it('hears which field broke which rule', async () => {
    const broken = pool(world.namespace, name, { gateway: 'somewhere' });
    await expect(world.client.create(IP_POOLS, broken)).rejects.toMatchObject({
      status: 422,
      reason: 'Invalid',
      causes: [{ field: 'spec.gateway', message: expect.stringContaining('gateway must be an IP address') }],
    });
  });

  it('hears that a name is taken, and that an object changed since it was read', async () => {
    const created = await create();
    await expect(create()).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' });
    await world.client.patch(IP_POOLS, key(), { metadata: { labels: { changed: 'yes' } } });
    const replaced = world.client.replace(IP_POOLS, {
      ...created,
      metadata: { ...created.metadata, labels: {} },
    });
    await expect(replaced).rejects.toSatisfy(isConflict);
  });

  it('deletes only the object that it means', async () => {
    const { metadata } = await create();
    const other = world.client.delete(IP_POOLS, key(), { preconditions: { uid: 'another' } });
    await expect(other).rejects.toSatisfy(isConflict);
    await world.client.delete(IP_POOLS, key(), { preconditions: { uid: metadata.uid } });
    expect(await world.client.find(IP_POOLS, key())).toBeUndefined();
  });

  it('applies a status once, without touching the spec, and takes back what it leaves out later', async () => {
    const created = await create();
    const applier = createApplier(world.client, 'coppice-test');
    const status = { conditions: [ready(1)], observedGeneration: 1, total: 11, used: 0, free: 11 };
    const applied = await applier.status(IP_POOLS, created, status);
    expect(applied).toMatchObject({ spec: created.spec, status, metadata: { generation: 1 } });
    if (applied === undefined) {
      throw new Error('nothing was applied');
    }
    expect(await applier.status(IP_POOLS, applied, status)).toBeUndefined();
    const less = await applier.status(IP_POOLS, applied, { conditions: [ready(1)], observedGeneration: 1 });
    expect(less?.status).toEqual({ conditions: [ready(1)], observedGeneration: 1 });
  });

  it('refuses to apply a status to an object that is gone', async () => {
    const created = await create();
    await world.client.delete(IP_POOLS, key());
    const applied = createApplier(world.client, 'coppice-test').status(IP_POOLS, created, {
      observedGeneration: 1,
    });
    await expect(applied).rejects.toMatchObject({ status: 404 });
  });

  it('applies an object: creates it, and takes back the fields that it leaves out later', async () => {
    const applier = createApplier(world.client, 'coppice-test');
    const full = pool(world.namespace, name, { gateway: '10.0.0.1', dns: ['10.0.0.2'] });
    const first = await applier.object(IP_POOLS, full, undefined);
    expect(first?.spec.dns).toEqual(['10.0.0.2']);
    expect(await applier.object(IP_POOLS, full, first)).toBeUndefined();
    const second = await applier.object(IP_POOLS, pool(world.namespace, name), first);
    expect(second?.spec).toEqual(pool(world.namespace, name).spec);
  });

  it('holds an object by a finalizer, and never on the strength of an old state', async () => {
    const created = await create();
    const held = await addFinalizer(world.client, IP_POOLS, created, 'coppice.dev/test');
    expect(held.metadata.finalizers).toEqual(['coppice.dev/test']);
    await expect(addFinalizer(world.client, IP_POOLS, created, 'coppice.dev/other')).rejects.toSatisfy(
      isConflict,
    );
    await world.client.delete(IP_POOLS, key());
    const dying = await world.client.get(IP_POOLS, key());
    expect(dying.metadata.deletionTimestamp).toEqual(expect.any(String));
    expect(await addFinalizer(world.client, IP_POOLS, dying, 'coppice.dev/late')).toBe(dying);
    await removeFinalizer(world.client, IP_POOLS, dying, 'coppice.dev/test');
    expect(await world.client.find(IP_POOLS, key())).toBeUndefined();
    expect(await removeFinalizer(world.client, IP_POOLS, dying, 'coppice.dev/test')).toBeUndefined();
  });

  it('lists in pages and by label', async () => {
    const labels = { batch: name };
    for (const suffix of ['a', 'b', 'c']) {
      const object = pool(world.namespace, `${name}-${suffix}`);
      await world.client.create(IP_POOLS, { ...object, metadata: { ...object.metadata, labels } });
    }
    const scope = { namespace: world.namespace, labelSelector: `batch=${name}` };
    const first = await world.client.list(IP_POOLS, { ...scope, limit: 2 });
    expect(first.items.map((item) => item.metadata.name)).toEqual([`${name}-a`, `${name}-b`]);
    const second = await world.client.list(IP_POOLS, { ...scope, limit: 2, continue: first.continue });
    expect(second.items.map((item) => [item.kind, item.metadata.name])).toEqual([['IPPool', `${name}-c`]]);
    expect(second.continue).toBeUndefined();
  });

  it('hears that a version to watch from is too old or from nowhere', async () => {
    const watch = world.client.watch(IP_POOLS, { resourceVersion: '1', timeoutSeconds: 5, idleMs: 10_000 });
    const first = await watch[Symbol.asyncIterator]()
      .next()
      .catch((error: unknown) => error);
    // Either it is gone, or the server still knows all since then: both are right.
    expect(isGone(first) || (first as IteratorResult<unknown>).done === false).toBe(true);
  });
});

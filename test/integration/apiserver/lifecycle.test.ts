import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONFIG_MAPS, configMap, newWorld, type Reply, WIDGETS, type World, widget } from './world.ts';

const NAMESPACES = '/api/v1/namespaces';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

let world: World;
let now = Date.now();

beforeAll(async () => {
  world = await newWorld({ clock: () => now });
});

afterAll(() => world.end());

/** Asks until the answer is as wanted: what the server does by itself takes a moment. */
async function until(path: string, wanted: (reply: Reply) => boolean): Promise<Reply> {
  for (;;) {
    const reply = await world.api.get(path);
    if (wanted(reply)) return reply;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const isGone = ({ status }: Reply): boolean => status === 404;

async function owned(name: string, owners: readonly string[], block = false): Promise<void> {
  const ownerReferences = await Promise.all(
    owners.map(async (owner) => {
      const { body } = await world.api.get(`${WIDGETS}/${owner}`);
      return {
        apiVersion: 'example.com/v1',
        kind: 'Widget',
        name: owner,
        uid: body.metadata.uid,
        blockOwnerDeletion: block,
      };
    }),
  );
  await world.api.post(CONFIG_MAPS, configMap(name, {}, { ownerReferences }));
}

describe('deletion', () => {
  it('answers with a status when the object is gone, and minds preconditions', async () => {
    const { body } = await world.api.post(WIDGETS, widget('plain'));
    const wrong = await world.api.delete(`${WIDGETS}/plain`, { preconditions: { uid: 'other' } });
    expect([wrong.status, wrong.body.reason]).toEqual([409, 'Conflict']);
    const dry = await world.api.delete(`${WIDGETS}/plain?dryRun=All`);
    expect(dry.body.status).toBe('Success');
    const done = await world.api.delete(`${WIDGETS}/plain`, { preconditions: { uid: body.metadata.uid } });
    expect(done.body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'plain', kind: 'widgets' },
    });
    expect((await world.api.get(`${WIDGETS}/plain`)).status).toBe(404);
  });

  it('waits for finalizers, and lets nobody add more', async () => {
    await world.api.post(WIDGETS, widget('held', {}, { finalizers: ['example.com/a', 'example.com/b'] }));
    const { body } = await world.api.delete(`${WIDGETS}/held`);
    expect([body.metadata.deletionGracePeriodSeconds, body.metadata.generation]).toEqual([0, 2]);
    expect(body.metadata.deletionTimestamp).toBeDefined();
    const more = await world.api.merge(`${WIDGETS}/held`, {
      metadata: { finalizers: ['example.com/a', 'example.com/c'] },
    });
    expect(more.status).toBe(422);
    expect(
      (await world.api.merge(`${WIDGETS}/held`, { metadata: { finalizers: ['example.com/a'] } })).status,
    ).toBe(200);
    await world.api.merge(`${WIDGETS}/held`, { metadata: { finalizers: null } });
    expect((await world.api.get(`${WIDGETS}/held`)).status).toBe(404);
  });

  it('deletes a collection by its labels', async () => {
    for (const name of ['d1', 'd2'])
      await world.api.post(CONFIG_MAPS, configMap(name, {}, { labels: { drop: 'yes' } }));
    await world.api.post(CONFIG_MAPS, configMap('stays', {}, { labels: { drop: 'no' } }));
    const { body } = await world.api.delete(`${CONFIG_MAPS}?labelSelector=drop%3Dyes`);
    expect(body.items).toHaveLength(2);
    expect((await world.api.get(`${CONFIG_MAPS}/stays`)).status).toBe(200);
  });
});

describe('garbage collection', () => {
  it('takes a dependent when its last owner has gone, and its dependents in turn', async () => {
    await world.api.post(WIDGETS, widget('o1'));
    await world.api.post(WIDGETS, widget('o2'));
    await owned('shared', ['o1', 'o2']);
    await world.api.delete(`${WIDGETS}/o1`);
    const left = await until(
      `${CONFIG_MAPS}/shared`,
      ({ body }) => body.metadata.ownerReferences.length === 1,
    );
    expect(left.body.metadata.ownerReferences[0].name).toBe('o2');
    await world.api.delete(`${WIDGETS}/o2`);
    await until(`${CONFIG_MAPS}/shared`, isGone);
  });

  it('takes an object whose owner never was, but not one whose owner it cannot know', async () => {
    const reference = { name: 'x', uid: 'no-such-uid' };
    const absent = { ...reference, apiVersion: 'example.com/v1', kind: 'Widget' };
    const foreign = { ...reference, apiVersion: 'other.example.com/v1', kind: 'Stranger' };
    await world.api.post(CONFIG_MAPS, configMap('foreign', {}, { ownerReferences: [foreign] }));
    await world.api.post(CONFIG_MAPS, configMap('orphaned', {}, { ownerReferences: [absent] }));
    await until(`${CONFIG_MAPS}/orphaned`, isGone);
    expect((await world.api.get(`${CONFIG_MAPS}/foreign`)).status).toBe(200);
  });

  it('keeps the owner in the foreground until its dependents are gone', async () => {
    await world.api.post(WIDGETS, widget('front'));
    await owned('blocker', ['front'], true);
    await world.api.merge(`${CONFIG_MAPS}/blocker`, { metadata: { finalizers: ['example.com/hold'] } });
    const { body } = await world.api.delete(`${WIDGETS}/front?propagationPolicy=Foreground`);
    expect(body.metadata.finalizers).toEqual(['foregroundDeletion']);
    await until(`${CONFIG_MAPS}/blocker`, (reply) => reply.body.metadata.deletionTimestamp !== undefined);
    expect((await world.api.get(`${WIDGETS}/front`)).status).toBe(200);
    await world.api.merge(`${CONFIG_MAPS}/blocker`, { metadata: { finalizers: null } });
    await until(`${WIDGETS}/front`, isGone);
  });

  it('frees dependents of an owner that leaves orphans', async () => {
    await world.api.post(WIDGETS, widget('parent'));
    await owned('orphan', ['parent']);
    await world.api.delete(`${WIDGETS}/parent?propagationPolicy=Orphan`);
    await until(`${WIDGETS}/parent`, isGone);
    const { status, body } = await world.api.get(`${CONFIG_MAPS}/orphan`);
    expect([status, body.metadata.ownerReferences]).toEqual([200, undefined]);
  });
});

describe('namespaces', () => {
  it('must be there, and take nothing new on their way out', async () => {
    const missing = await world.api.post(`${NAMESPACES}/nowhere/configmaps`, configMap('a'));
    expect([missing.status, missing.body.message]).toEqual([404, 'namespaces "nowhere" not found']);
    await world.api.post(NAMESPACES, { metadata: { name: 'leaving' } });
    const inside = `${NAMESPACES}/leaving/configmaps`;
    await world.api.post(inside, configMap('held', {}, { finalizers: ['example.com/hold'] }));
    await world.api.post(inside, configMap('free'));
    const { body } = await world.api.delete(`${NAMESPACES}/leaving`);
    expect(body.status.phase).toBe('Terminating');
    await until(`${inside}/free`, isGone);
    const late = await world.api.post(inside, configMap('late'));
    expect([late.status, late.body.details.causes[0].reason]).toEqual([403, 'NamespaceTerminating']);
    const waiting = await until(
      `${NAMESPACES}/leaving`,
      (reply) => reply.body.status.conditions !== undefined,
    );
    expect(waiting.body.status.conditions[4].message).toContain('example.com/hold in 1 resource instances');
    await world.api.merge(`${inside}/held`, { metadata: { finalizers: null } });
    await until(`${NAMESPACES}/leaving`, isGone);
  });

  it('are emptied even when the server was restarted meanwhile', async () => {
    await world.api.post(NAMESPACES, { metadata: { name: 'restarted' } });
    await world.api.post(
      `${NAMESPACES}/restarted/configmaps`,
      configMap('a', {}, { finalizers: ['example.com/hold'] }),
    );
    await world.api.delete(`${NAMESPACES}/restarted`);
    await world.stop();
    await world.start();
    await world.api.merge(`${NAMESPACES}/restarted/configmaps/a`, { metadata: { finalizers: null } });
    await until(`${NAMESPACES}/restarted`, isGone);
  });
});

describe('definitions', () => {
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', properties: { a: { type: 'string' } } } },
    },
  };
  const gadgets = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gadgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Cluster',
      names: { plural: 'gadgets', kind: 'Gadget' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
  const path = '/apis/example.com/v1/gadgets';
  const gadget = { apiVersion: 'example.com/v1', kind: 'Gadget' };

  it('can be posted, serve at once, and take their objects along', async () => {
    expect((await world.api.post(CRDS, gadgets)).status).toBe(201);
    const created = await world.api.post(path, {
      ...gadget,
      metadata: { name: 'g', finalizers: ['example.com/hold'] },
      spec: { a: 'x', b: 'y' },
    });
    expect([created.status, created.body.spec]).toEqual([201, { a: 'x' }]);
    const established = await world.api.get(`${CRDS}/gadgets.example.com`);
    expect(established.body.status.conditions.map(({ type }: { type: string }) => type)).toEqual([
      'NamesAccepted',
      'Established',
    ]);
    const watch = await world.api.watch(path);
    expect(await watch.take(1)).toEqual(['ADDED g']);
    await world.api.delete(`${CRDS}/gadgets.example.com`);
    await until(`${path}/g`, ({ body }) => body.metadata.deletionTimestamp !== undefined);
    await world.api.merge(`${path}/g`, { metadata: { finalizers: null } });
    await until(`${CRDS}/gadgets.example.com`, isGone);
    expect((await watch.rest()).at(-1)?.type).toBe('DELETED');
    expect((await world.api.get(path)).text).toBe('404 page not found\n');
  });

  it('give objects that are stored already the defaults that they gain', async () => {
    await world.api.post(CRDS, gadgets);
    await world.api.post(path, { ...gadget, metadata: { name: 'early' }, spec: {} });
    const { body: before } = await world.api.get(`${path}/early`);
    const changed = structuredClone(gadgets.spec);
    Object.assign(changed.versions[0]?.schema.openAPIV3Schema.properties.spec.properties.a ?? {}, {
      default: 'new',
    });
    await world.api.merge(`${CRDS}/gadgets.example.com`, { spec: { versions: changed.versions } });
    const after = await world.api.get(`${path}/early`);
    expect([before.spec, after.body.spec]).toEqual([{}, { a: 'new' }]);
    const list = await world.api.get(path);
    expect(list.body.items[0].spec).toEqual({ a: 'new' });
    const same = await world.api.call('PUT', `${path}/early`, { body: after.body });
    expect(same.body.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    await world.api.delete(`${CRDS}/gadgets.example.com`);
    await until(`${CRDS}/gadgets.example.com`, isGone);
  });

  it('are refused with what is wrong with them', async () => {
    const bad = {
      ...gadgets,
      metadata: { name: 'wrong.example.com' },
      spec: { ...gadgets.spec, scope: 'Galaxy' },
    };
    const { status, body } = await world.api.post(CRDS, bad);
    expect(status).toBe(422);
    expect(body.details.causes.map(({ field }: { field: string }) => field)).toEqual([
      'metadata.name',
      'spec.scope',
    ]);
  });
});

describe('events', () => {
  it('are forgotten an hour after they were last seen', async () => {
    const path = '/api/v1/namespaces/default/events';
    const lastTimestamp = new Date(now).toISOString();
    await world.api.post(path, {
      metadata: { name: 'old' },
      involvedObject: { kind: 'Widget', name: 'a', namespace: 'default' },
      lastTimestamp,
    });
    now += 61 * 60 * 1000;
    await world.stop();
    await world.start();
    await until(`${path}/old`, isGone);
  });
});

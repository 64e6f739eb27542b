/** Requests that another thread carries out do what others do, and each of them at one moment. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BOB_TOKEN,
  CONFIG_MAPS,
  configMap,
  newWorld,
  type Reply,
  WIDGETS,
  type World,
  widget,
} from './world.ts';

const LARGE = { large: 'x'.repeat(100_000) };
const APPLY = 'application/apply-patch+yaml';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/default/roles`;

let world: World;
beforeAll(async () => {
  world = await newWorld();
});
afterAll(() => world?.end());

async function dataOf(name: string): Promise<Record<string, string>> {
  return (await world.api.get(`${CONFIG_MAPS}/${name}`)).body.data;
}

describe('writes of one object at the same time', () => {
  it('are all done', async () => {
    await world.api.post(CONFIG_MAPS, configMap('shared', LARGE));
    const names = Array.from({ length: 12 }, (_, at) => `k${at}`);
    const replies = await Promise.all(
      names.map((name) => world.api.merge(`${CONFIG_MAPS}/shared`, { data: { [name]: name } })),
    );
    expect(replies.map(({ status }) => status)).toEqual(names.map(() => 200));
    expect(Object.keys(await dataOf('shared')).sort()).toEqual([...names, 'large'].sort());
    const versions = replies.map(({ body }) => body.metadata.resourceVersion);
    expect(new Set(versions).size).toBe(names.length);
  });

  it('that come from one version are done once, and refused after that', async () => {
    const { body } = await world.api.post(CONFIG_MAPS, configMap('versioned', LARGE));
    const updates = ['a', 'b', 'c'].map((by) => ({ ...body, data: { ...LARGE, by } }));
    const replies = await Promise.all(
      updates.map((update) => world.api.call('PUT', `${CONFIG_MAPS}/versioned`, { body: update })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  });

  it('that create it are done once', async () => {
    const replies = await Promise.all(
      ['a', 'b', 'c'].map((by) => world.api.post(CONFIG_MAPS, configMap('once', { ...LARGE, by }))),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect(replies.find(({ status }) => status === 409)?.body.message).toBe(
      'configmaps "once" already exists',
    );
  });
});

describe('a large object', () => {
  it('is answered as it is stored', async () => {
    const { body } = await world.api.post(CONFIG_MAPS, configMap('as-stored', LARGE));
    expect((await world.api.get(`${CONFIG_MAPS}/as-stored`)).body).toEqual(body);
    expect(body.metadata.resourceVersion).toMatch(/^\d{1,6}$/);
  });

  it('gets no status from a client that may not write one, and is counted', async () => {
    const spec = { colour: 'green' };
    const annotations = { large: LARGE.large };
    const created = await world.api.post(WIDGETS, widget('counted', spec, { annotations }));
    expect([created.status, created.body.metadata.generation]).toEqual([201, 1]);
    const changed = await world.api.merge(`${WIDGETS}/counted`, {
      spec: { colour: 'blue' },
      status: { replicas: 9 },
    });
    expect([changed.status, changed.body.metadata.generation, changed.body.status]).toEqual([
      200,
      2,
      undefined,
    ]);
  });

  it('is deleted, and its deletion is seen by those who watch', async () => {
    await world.api.post(CONFIG_MAPS, configMap('deleted', LARGE));
    const watch = await world.api.watch(`${CONFIG_MAPS}?fieldSelector=metadata.name=deleted`);
    expect((await world.api.delete(`${CONFIG_MAPS}/deleted`)).status).toBe(200);
    const events = [await watch.next(), await watch.next()];
    watch.close();
    expect(events.map((event) => event?.type)).toEqual(['ADDED', 'DELETED']);
  });
});

describe('what a user may not do', () => {
  const asBob = (method: string, path: string, body: unknown, type?: string): Promise<Reply> =>
    world.api.call(method, path, { body, token: BOB_TOKEN, ...(type === undefined ? {} : { type }) });
  const rule = (resources: string[]) => ({ apiGroups: [''], resources, verbs: ['get'] });

  beforeAll(async () => {
    const rules = [
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['create', 'update'] },
      { apiGroups: [''], resources: ['configmaps'], verbs: ['patch'] },
      rule(['pods']),
    ];
    await world.api.post(ROLES, { metadata: { name: 'bob' }, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'bob' };
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bob' }];
    await world.api.post(`${RBAC}/namespaces/default/rolebindings`, {
      metadata: { name: 'bob' },
      roleRef,
      subjects,
    });
  });

  it('is to grant rights that they do not have, however large the role is', async () => {
    const annotations = LARGE;
    const held = await asBob('POST', ROLES, {
      metadata: { name: 'held', annotations },
      rules: [rule(['pods'])],
    });
    expect(held.status, held.text.slice(0, 300)).toBe(201);
    const more = await asBob('POST', ROLES, {
      metadata: { name: 'more', annotations },
      rules: [rule(['secrets'])],
    });
    expect([more.status, more.body.message]).toEqual([
      403,
      expect.stringContaining('is attempting to grant RBAC permissions not currently held'),
    ]);
  });

  it('is to create by an apply', async () => {
    const path = `${CONFIG_MAPS}/applied?fieldManager=bob`;
    const created = await asBob('PATCH', path, configMap('applied', LARGE), APPLY);
    expect([created.status, created.body.message]).toEqual([
      403,
      expect.stringContaining('User "bob" cannot create resource "configmaps"'),
    ]);
    await world.api.post(CONFIG_MAPS, configMap('applied', {}));
    expect((await asBob('PATCH', path, configMap('applied', LARGE), APPLY)).status).toBe(200);
  });
});

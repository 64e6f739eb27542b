/** A request of a megabyte, or of a line, does not keep others waiting: what each case did took minutes, or did not end. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEmbeddedProgram } from '../../kubernetes/embedded.ts';
import type { TestServer } from '../../kubernetes/test-server.ts';
import { CRDS, JSON_PATCH } from './differential/case.ts';
import { callerOf } from './differential/transcript.ts';
import type { Caller, Reply } from './world.ts';

/** Milliseconds, on a slow machine that does nothing else. */
const ANSWER_WITHIN = 15_000;
const THINGS = '/apis/stalls.example/v1/namespaces/default/things';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

const keyed = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['k'],
  items: { type: 'object', required: ['k'], properties: { k: { type: 'string' }, v: { type: 'string' } } },
};
const fields = {
  any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  slow: { type: 'string', pattern: '^([a-z0-9]+-?)+$' },
  when: { type: 'string', format: 'duration' },
  set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
  keyed,
  list: {
    type: 'array',
    // As many as the rule may cost when it is defined, and ten times what it may when it runs.
    maxItems: 100,
    items: { type: 'integer' },
    'x-kubernetes-validations': [{ rule: 'self.all(x, self.all(y, self.all(z, x + y + z >= 0)))' }],
  },
  text: {
    type: 'string',
    maxLength: 5000,
    'x-kubernetes-validations': [{ rule: "!self.matches('^(([a-z])+.)+[A-Z]([a-z])+$')" }],
  },
};
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.stalls.example' },
  spec: {
    group: 'stalls.example',
    scope: 'Namespaced',
    names: { kind: 'Thing', plural: 'things', singular: 'thing', listKind: 'ThingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: fields } } },
        },
      },
    ],
  },
};

function longRules(): object {
  const rule = Array(7600).fill('self.n == 1').join('&&');
  const rules = Array(2).fill({ rule });
  const spec = { type: 'object', properties: { n: { type: 'integer' } }, 'x-kubernetes-validations': rules };
  const [version] = definition.spec.versions;
  const versions = [{ ...version, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }];
  const names = { kind: 'Rule', plural: 'rules' };
  return {
    ...definition,
    metadata: { name: 'rules.stalls.example' },
    spec: { ...definition.spec, names, versions },
  };
}

function thing(spec: object, name = 'one'): object {
  return { apiVersion: 'stalls.example/v1', kind: 'Thing', metadata: { name }, spec };
}

function configMap(data: object, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', ...metadata }, data };
}

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const keys = (count: number): Record<string, string> =>
  Object.fromEntries(many(count, (index) => [`k${index.toString(36)}`, '']));

/** How many times as long as alone this process takes, since other programs run, too. */
function slowness(): number {
  const wanted = 50_000;
  const before = process.cpuUsage();
  const begun = performance.now();
  while (process.cpuUsage(before).user < wanted);
  return Math.max(1, ((performance.now() - begun) * 1000) / wanted);
}

describe('the API server', () => {
  let server: TestServer;
  let api: Caller;
  /** The one that others wait with, on a connection of its own. */
  let other: Caller;

  beforeAll(async () => {
    server = await startEmbeddedProgram();
    api = await callerOf(server.kubeconfigPath);
    other = await callerOf(server.kubeconfigPath);
    const { status, text } = await api.post(CRDS, definition);
    expect(status, text).toBe(201);
    await vi.waitUntil(async () => (await api.get(THINGS)).status === 200, { timeout: 20_000 });
    await api.post(THINGS, thing({ any: { list: ['x'] } }, 'grown'));
    await api.post(THINGS, thing({ set: Object.keys(keys(30_000)) }, 'set'));
    await api.post(THINGS, thing({ keyed: many(20_000, (at) => ({ k: `k${at}`, v: '' })) }, 'keyed'));
  });

  afterAll(async () => {
    api?.close();
    other?.close();
    await server?.stop();
  });

  /** The longest that a cheap request waited while the other one was answered, in milliseconds. */
  async function longestWait(request: () => Promise<Reply>): Promise<{ longest: number; status: number }> {
    let longest = 0;
    let answered = false;
    const done = request().finally(() => {
      answered = true;
    });
    while (!answered) {
      const begun = performance.now();
      await other.get('/api/v1/namespaces/default');
      longest = Math.max(longest, performance.now() - begun);
      await delay(5);
    }
    return { longest, status: (await done).status };
  }

  const double = { op: 'copy', from: '/spec/any/list', path: '/spec/any/list/-' };
  const patch = (name: string, body: unknown) => () =>
    api.call('PATCH', `${THINGS}/${name}`, { body, type: JSON_PATCH });
  const rules = many(20_000, (at) => ({ apiGroups: [''], resources: [`r${at}`], verbs: ['get'] }));
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'r' },
    rules,
  };

  it.each<[string, number, () => Promise<Reply>]>([
    [
      'a patch that doubles a value forty times',
      422,
      patch(
        'grown',
        many(40, () => double),
      ),
    ],
    ['a slow pattern', 422, () => api.post(THINGS, thing({ slow: `${'a'.repeat(40)}!` }))],
    [
      'a slow pattern, and a long text',
      422,
      () => api.post(THINGS, thing({ slow: `${'a'.repeat(500_000)}!` })),
    ],
    ['a slow pattern of a rule', 201, () => api.post(THINGS, thing({ text: 'a'.repeat(5000) }, 'matched'))],
    ['a duration of a million digits', 422, () => api.post(THINGS, thing({ when: '1'.repeat(1_000_000) }))],
    [
      'a rule that looks at each three of a list',
      422,
      () => api.post(THINGS, thing({ list: many(100, (at) => at) })),
    ],
    ['the longest rules of a definition', 201, () => api.post(`${CRDS}?dryRun=All`, longRules())],
    ['160,000 keys', 201, () => api.post(`${CONFIG_MAPS}?dryRun=All`, configMap(keys(160_000)))],
    ['160,000 keys that are not stored', 500, () => api.post(CONFIG_MAPS, configMap(keys(160_000)))],
    [
      '160,000 keys of a custom resource',
      201,
      () => api.post(`${THINGS}?dryRun=All`, thing({ any: keys(160_000) })),
    ],
    [
      '100,000 bad labels',
      422,
      () => api.post(CONFIG_MAPS, configMap({}, { labels: { ...keys(100_000), '!': '' } })),
    ],
    [
      'a set of 30,000 other items',
      200,
      () => api.merge(`${THINGS}/set`, { spec: { set: Object.keys(keys(30_001)).reverse() } }),
    ],
    [
      '20,000 items, each changed',
      200,
      () =>
        api.merge(`${THINGS}/keyed`, { spec: { keyed: many(20_000, (at) => ({ k: `k${at}`, v: 'v' })) } }),
    ],
    ['20,000 rules of a role', 201, () => api.post('/apis/rbac.authorization.k8s.io/v1/clusterroles', role)],
  ])('answers others during %s', async (_, expected, request) => {
    const before = slowness();
    const { longest, status } = await longestWait(request);
    expect(status).toBe(expected);
    expect(longest).toBeLessThan(ANSWER_WITHIN * Math.max(before, slowness()));
  });
});

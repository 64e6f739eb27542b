/** Requests that are as large as kube-apiserver allows: objects of 160,000 keys, by every way of writing and reading. */

import { dump } from 'js-yaml';
import { encodeProtobuf } from '../../../../src/apiserver/codec/protobuf-encode.ts';
import type { JsonObject } from '../../../../src/base/json.ts';
import type { Caller, Reply } from '../world.ts';

export const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
export const THINGS = '/apis/stalls.example/v1/namespaces/default/things';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
const ROLES = '/apis/rbac.authorization.k8s.io/v1/clusterroles';

const MOST = 160_000;
/** As many as can be stored with the names of their owners. */
const STORED = 45_000;

const YAML = 'application/yaml';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const PATCHES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

const keyed = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['k'],
  items: { type: 'object', required: ['k'], properties: { k: { type: 'string' }, v: { type: 'string' } } },
};
const fields = {
  any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  texts: { type: 'object', additionalProperties: { type: 'string' } },
  none: { type: 'object', properties: { a: { type: 'string' } } },
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
const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties: fields } } };
export const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.stalls.example' },
  spec: {
    group: 'stalls.example',
    scope: 'Namespaced',
    names: { kind: 'Thing', plural: 'things', singular: 'thing', listKind: 'ThingList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
  },
};

function longRules(): object {
  const rule = Array(7600).fill('self.n == 1').join('&&');
  const rules = Array(2).fill({ rule });
  const spec = { type: 'object', properties: { n: { type: 'integer' } }, 'x-kubernetes-validations': rules };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
  const versions = [{ name: 'v1', served: true, storage: true, schema }];
  const names = { kind: 'Rule', plural: 'rules' };
  return {
    ...DEFINITION,
    metadata: { name: 'rules.stalls.example' },
    spec: { ...DEFINITION.spec, names, versions },
  };
}

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const names = (count: number, prefix = 'k'): string[] =>
  many(count, (index) => `${prefix}${index.toString(36)}`);

function keys<Value>(count: number, value: Value, prefix = 'k'): Record<string, Value> {
  return Object.fromEntries(names(count, prefix).map((name) => [name, value]));
}

function thing(spec: object, name = 'one'): object {
  return { apiVersion: 'stalls.example/v1', kind: 'Thing', metadata: { name }, spec };
}

function configMap(data: object, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', ...metadata }, data };
}

/** What it is, the status of its answer, and how to send it. */
export type Case = readonly [what: string, status: number, send: (api: Caller) => Promise<Reply>];

/** What the cases read and change. */
export async function plant(api: Caller): Promise<void> {
  const replies = [
    await api.post(CONFIG_MAPS, configMap(keys(STORED, ''), { name: 'big' })),
    await api.post(THINGS, thing({ any: keys(STORED, '') }, 'big')),
    await api.post(THINGS, thing({ any: { list: ['x'] } }, 'grown')),
    await api.post(THINGS, thing({ set: names(30_000) }, 'set')),
    await api.post(THINGS, thing({ keyed: many(20_000, (at) => ({ k: `k${at}`, v: '' })) }, 'keyed')),
  ];
  const refused = replies.find(({ status }) => status !== 201);
  if (refused !== undefined) throw new Error(refused.text.slice(0, 1000));
}

const dry = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}dryRun=All`;

function creation(what: string, status: number, path: string, body: () => object): Case {
  return [what, status, (api) => api.post(dry(path), body())];
}

function bodyAs(what: string, type: string, body: () => string | Buffer): Case {
  return [what, 201, (api) => api.call('POST', dry(CONFIG_MAPS), { body: body(), type })];
}

const owner = (at: number): object => ({ apiVersion: 'v1', kind: 'A', name: 'a', uid: `u${at}` });
const managedFields = (): object[] => [
  {
    manager: 'm',
    operation: 'Update',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:data': keys(MOST, {}, 'f:') },
  },
];
const rules = (): object[] =>
  many(20_000, (at) => ({ apiGroups: [''], resources: [`r${at}`], verbs: ['get'] }));
const review = (spec: object): object => ({
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SubjectAccessReview',
  spec: { user: 'u', ...spec, resourceAttributes: { verb: 'get', resource: 'pods' } },
});

export const CREATIONS: readonly Case[] = [
  creation('160,000 keys', 201, CONFIG_MAPS, () => configMap(keys(MOST, ''))),
  [
    '160,000 keys that cannot be stored',
    500,
    (api) => api.post(CONFIG_MAPS, configMap(keys(MOST, ''), { name: 'not-stored' })),
  ],
  bodyAs('160,000 keys in YAML', YAML, () => dump(configMap(keys(MOST, '')))),
  bodyAs('160,000 keys in protobuf', PROTOBUF, () => encodeProtobuf(configMap(keys(MOST, '')) as JsonObject)),
  creation('160,000 labels', 201, CONFIG_MAPS, () => configMap({}, { labels: keys(MOST, '') })),
  creation('60,000 bad labels', 422, CONFIG_MAPS, () => configMap({}, { labels: keys(60_000, '', '!') })),
  creation('100,000 finalizers', 201, CONFIG_MAPS, () =>
    configMap({}, { finalizers: names(100_000, 'a.b/') }),
  ),
  creation('40,000 bad finalizers', 422, CONFIG_MAPS, () =>
    configMap({}, { finalizers: names(40_000, '!') }),
  ),
  creation('30,000 owners', 201, CONFIG_MAPS, () => configMap({}, { ownerReferences: many(30_000, owner) })),
  creation('160,000 managed fields', 201, CONFIG_MAPS, () =>
    configMap({}, { managedFields: managedFields() }),
  ),
  creation('160,000 unknown fields', 201, CONFIG_MAPS, () => ({ ...configMap({}), ...keys(MOST, '') })),
  creation('160,000 values of another type', 400, CONFIG_MAPS, () => configMap(keys(MOST, 1))),
  creation('160,000 keys of a custom resource', 201, THINGS, () => thing({ any: keys(MOST, '') })),
  creation('160,000 unknown fields of a custom resource', 201, THINGS, () => thing({ none: keys(MOST, '') })),
  creation('60,000 bad values of a custom resource', 422, THINGS, () => thing({ texts: keys(60_000, 1) })),
  creation('a set of 100,000 items', 201, THINGS, () => thing({ set: names(100_000) })),
  creation('20,000 rules of a role', 201, ROLES, () => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'r' },
    rules: rules(),
  })),
  creation('a review with 100,000 facts', 201, REVIEWS, () => review({ extra: keys(100_000, ['']) })),
  creation('a review with 160,000 groups', 201, REVIEWS, () => review({ groups: names(MOST) })),
];

function patch(
  what: string,
  status: number,
  path: string,
  type: keyof typeof PATCHES,
  body: () => unknown,
): Case {
  return [what, status, (api) => api.call('PATCH', dry(path), { body: body(), type: PATCHES[type] })];
}

const BIG = `${CONFIG_MAPS}/big`;
const BIG_THING = `${THINGS}/big`;
const APPLIED = `${BIG}?fieldManager=a`;
const added = many(10_000, (at) => ({ op: 'add', path: `/data/q${at}`, value: 'a' }));
const double = { op: 'copy', from: '/spec/any/list', path: '/spec/any/list/-' };

export const CHANGES: readonly Case[] = [
  [
    'an update of all keys',
    200,
    (api) => api.call('PUT', dry(BIG), { body: configMap(keys(MOST, 'a'), { name: 'big' }) }),
  ],
  patch('a merge of one key into many', 200, BIG, 'merge', () => ({ data: { y: 'x' } })),
  patch('a merge of all keys', 200, BIG, 'merge', () => ({ data: keys(MOST, 'a') })),
  patch('a strategic merge of 40,000 keys', 200, BIG, 'strategic', () => ({ data: keys(40_000, 'a') })),
  patch('a strategic merge of 60,000 finalizers', 200, BIG, 'strategic', () => ({
    metadata: { finalizers: names(60_000, 'a.b/') },
  })),
  patch('a JSON patch of 40,000 keys', 200, BIG, 'json', () => [
    { op: 'add', path: '/data', value: keys(40_000, 'a') },
  ]),
  patch('a JSON patch of 10,000 operations', 200, BIG, 'json', () => added),
  patch('a JSON patch that doubles a value 18 times', 200, `${THINGS}/grown`, 'json', () =>
    many(18, () => double),
  ),
  patch('a JSON patch that doubles a value forty times', 422, `${THINGS}/grown`, 'json', () =>
    many(40, () => double),
  ),
  patch('an apply that conflicts in each key', 409, APPLIED, 'apply', () =>
    configMap(keys(STORED, 'a'), { name: 'big' }),
  ),
  patch('an apply of all keys', 200, `${APPLIED}&force=true`, 'apply', () =>
    configMap(keys(MOST, 'a'), { name: 'big' }),
  ),
  patch('an apply of 40,000 keys in YAML', 200, `${APPLIED}&force=true`, 'apply', () =>
    dump(configMap(keys(40_000, 'a'), { name: 'big' })),
  ),
  patch('a merge of all keys of a custom resource', 200, BIG_THING, 'merge', () => ({
    spec: { any: keys(MOST, 'a') },
  })),
  patch(
    'an apply of all keys of a custom resource',
    200,
    `${BIG_THING}?fieldManager=a&force=true`,
    'apply',
    () => thing({ any: keys(MOST, 'a') }, 'big'),
  ),
  patch('a set of 30,000 other items', 200, `${THINGS}/set`, 'merge', () => ({
    spec: { set: names(30_001).reverse() },
  })),
  patch('20,000 items, each changed', 200, `${THINGS}/keyed`, 'merge', () => ({
    spec: { keyed: many(20_000, (at) => ({ k: `k${at}`, v: 'v' })) },
  })),
  [
    'the deletion of a collection with 160,000 options in YAML',
    400,
    (api) => api.call('DELETE', CONFIG_MAPS, { body: dump(keys(MOST, '')), type: YAML }),
  ],
  ['a change that is stored', 200, (api) => api.merge(BIG_THING, { spec: { any: { z: 'z' } } })],
];

const read = (what: string, path: string, accept: string): Case => [
  `${what} as ${accept}`,
  200,
  (api) => api.get(path, { headers: { Accept: accept } }),
];
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

export const READS: readonly Case[] = [
  ...['application/json', YAML, PROTOBUF, TABLE].flatMap((accept) => [
    read('many keys', BIG, accept),
    read('a list of many keys', CONFIG_MAPS, accept),
  ]),
  ...['application/json', YAML, TABLE].map((accept) => read('a list of custom resources', THINGS, accept)),
  ['a watch of many keys', 200, (api) => api.get(`${CONFIG_MAPS}?watch=1&timeoutSeconds=1`)],
];

export const SLOW: readonly Case[] = [
  creation('a slow pattern', 422, THINGS, () => thing({ slow: `${'a'.repeat(40)}!` })),
  creation('a slow pattern, and a long text', 422, THINGS, () => thing({ slow: `${'a'.repeat(500_000)}!` })),
  creation('a slow pattern of a rule', 201, THINGS, () => thing({ text: 'a'.repeat(5000) })),
  creation('a duration of a million digits', 422, THINGS, () => thing({ when: '1'.repeat(1_000_000) })),
  ['the longest rules of a definition', 201, (api) => api.post(dry(CRDS), longRules())],
  creation('a rule that looks at each three of a list', 422, THINGS, () =>
    thing({ list: many(100, (at) => at) }),
  ),
];

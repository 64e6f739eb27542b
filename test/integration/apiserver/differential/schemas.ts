import { apply, type Case, get, JSON_PATCH, merge, patch, post, put, story } from './case.ts';

const GIZMOS = '/apis/example.com/v1/namespaces/{ns}/gizmos';
const BETA = '/apis/example.com/v1beta1/namespaces/{ns}/gizmos';
const ALPHA = '/apis/example.com/v1alpha1/namespaces/{ns}/gizmos';
const ONE = `${GIZMOS}/g`;
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

function gizmo(spec: unknown, version = 'v1', metadata: object = {}): object {
  return { apiVersion: `example.com/${version}`, kind: 'Gizmo', metadata: { name: 'g', ...metadata }, spec };
}

function makes(name: string, spec: unknown): Case {
  return story(name, post(`${GIZMOS}?fieldValidation=Warn`, gizmo(spec)));
}

/** One that is made from `before`, then changed by a merge patch. */
function changes(name: string, before: object, after: object): Case {
  return story(name, post(GIZMOS, gizmo(before)), merge(ONE, { spec: after }), get(ONE));
}

function applied(name: string, ...specs: [manager: string, spec: object, parameters?: string][]): Case {
  return story(name, ...specs.map(([manager, spec, more]) => apply(ONE, manager, gizmo(spec), more)));
}

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', odd: 1 }, spec: { any: 'thing' } };

/** Each is refused with one of two messages, or is a quantity against all appearances. */
const ODD_QUANTITIES = [
  '',
  '-1-',
  '1-',
  '1e',
  '1e+',
  '1ee3',
  '1i',
  '1K',
  '1Kii',
  '1e3k',
  '1.5.5',
  '1 ',
  ' 1',
  '1x',
  '1Ki-',
].concat([
  'k',
  'Ki',
  '+',
  '-',
  '.',
  '.5',
  '5.',
  '-.',
  'e3',
  'E',
  '1E',
  '1e3',
  '0',
  '00',
  '-0k',
  '1--',
  '10.0.0.1',
  'aaa',
  'e-',
]);

const values: readonly Case[] = [
  makes('null where null may be', { nullable: null, nullableDefault: null }),
  makes('null where there is a default', { nested: null }),
  makes('null in a map', { granularMap: { a: null }, atomicMap: { a: null } }),
  makes('null in a list', { set: [null], atomicList: [null] }),
  makes('null in what is preserved', { raw: { a: null, b: [null, {}] } }),
  makes('defaults in defaults', { nested: { inner: {} } }),
  makes('defaults of absent objects', {}),
  makes('an int for int-or-string', { amount: 3, bounded: 4 }),
  makes('a string for int-or-string', { amount: 'three', bounded: '50%' }),
  makes('a boolean for int-or-string', { amount: true, bounded: {} }),
  makes('a float for int-or-string', { amount: 1.5 }),
  makes('a string that breaks the pattern of int-or-string', { bounded: 'many' }),
  makes('unknown fields where they are preserved', {
    raw: { a: { b: [1, 'x', null] } },
    partly: { free: 1 },
  }),
  makes('unknown fields below what is preserved in part', {
    partly: { known: { a: 'x', gone: 1 }, stays: 1 },
  }),
  makes('an embedded object', { embedded: pod }),
  makes('an embedded object without a kind', { embedded: { apiVersion: 'v1', metadata: { name: 'p' } } }),
  makes('an embedded object with a bad name', { embedded: { ...pod, metadata: { name: 'P_' } } }),
  makes('an embedded object with bad labels', {
    embedded: { ...pod, metadata: { name: 'p', labels: { 'a b': 1 } } },
  }),
  makes('a set with a value twice', { set: ['a', 'b', 'a'] }),
  makes('a set of too many and too long', { set: ['1', '2', '3', '4', '5', '0123456789'] }),
  makes('numbers that are too small and no multiples', { numbers: [0.5, 0.75, 1, -1] }),
  makes('a list by two keys, one of them by default', { keyed: [{ port: 1 }, { port: 1, protocol: 'UDP' }] }),
  makes('a list by two keys with one twice by default', {
    keyed: [{ port: 1 }, { port: 1, protocol: 'TCP' }],
  }),
  makes('a list by key without its key', { keyed: [{ note: 'x' }] }),
  makes('too few and too many properties', { granularMap: {} }),
  makes('too many properties', { granularMap: { a: 1, b: 2, c: 3, d: 4 } }),
  makes('a wrong type in a map', { granularMap: { a: 'x', b: 1.5 } }),
  makes('neither of a choice', { choice: {} }),
  makes('both of a choice', { choice: { left: 'l', right: 'r' } }),
  makes('one of a choice', { choice: { left: 'l' } }),
  makes('what is not to be', { banned: 'bad' }),
  makes('formats that fit', {
    day: '2030-01-31',
    moment: '2030-01-31T00:00:00.5+02:00',
    address: '10.0.0.1',
    id: '00000000-0000-4000-8000-000000000000',
    wait: '1h30m',
  }),
  makes('formats that do not fit', {
    day: '31.1.2030',
    moment: 'now',
    address: '10.0.0.256',
    id: 'x',
    wait: 'long',
  }),
  makes('an integer beyond int64', { big: 1e30 }),
  makes('a float that is whole', { big: 2.0 }),
  story(
    'a number as large as int64 goes',
    post(
      GIZMOS,
      '{"apiVersion":"example.com/v1","kind":"Gizmo","metadata":{"name":"g"},"spec":{"big":9007199254740991}}',
    ),
    get(ONE),
  ),
  makes('a list for a scalar', { fixed: ['x'], nested: [] }),
  makes('everything of the wrong type', { set: {}, numbers: 'x', keyed: [1], choice: 'x', day: 1, cel: [] }),
];

const rules: readonly Case[] = [
  makes('quantities compared', { cel: { size: '2Gi', limit: '1Gi' } }),
  makes('quantities that are none', { cel: { size: 'big', limit: '1Gi' } }),
  ...ODD_QUANTITIES.map((size) =>
    makes(`a quantity of ${JSON.stringify(size)}`, { cel: { size, limit: '1Gi' } }),
  ),
  makes('a network that holds the address', { cel: { cidr: '10.0.0.0/8' } }),
  makes('a network that does not', { cel: { cidr: '192.168.0.0/16' } }),
  makes('a URL of another scheme', { cel: { url: 'http://example.com/' } }),
  makes('names out of order, told by an expression', { cel: { names: ['b', 'a'] } }),
  makes('parts counted', { cel: { version: '1.2' } }),
  makes('several rules at once', { cel: { cidr: 'x', url: 'x', names: ['A'], version: '' } }),
  changes(
    'nulls in what a merge patch replaces',
    { raw: { list: [{ a: 1 }], object: { a: 1 }, text: 'x', nested: { list: [1] } } },
    {
      raw: {
        list: [{ a: null, b: [null, { c: null, d: 1 }] }, null],
        object: [{ a: null }, null],
        text: { a: null, b: { c: null } },
        fresh: [{ a: null, b: 2 }, null, [null]],
        nested: { list: [{ a: null }], gone: null, fresh: { a: null, b: [{ c: null }] } },
      },
    },
  ),
  changes('a field that may not change', { fixed: 'a' }, { fixed: 'b' }),
  changes('a field that may not change stays', { fixed: 'a' }, { fixed: 'a', banned: 'x' }),
  changes('a field that may not change is taken away', { fixed: 'a' }, { fixed: null }),
  changes('a field that may not change comes later', {}, { fixed: 'a' }),
  changes('a list that may only grow', { growing: ['a', 'b'] }, { growing: ['a', 'c'] }),
  changes('a list that grows', { growing: ['a'] }, { growing: ['a', 'c'] }),
  changes('an optional old value, smaller', { once: 3 }, { once: 2 }),
  changes('an optional old value that was not there', {}, { once: 2 }),
  changes('a bad value that stays is put up with', { set: ['a'] }, { banned: 'x' }),
  changes('null takes a default back', { nullableDefault: 'mine' }, { nullableDefault: null }),
  changes('null takes an object with defaults back', { nested: { inner: { b: 5 } } }, { nested: null }),
];

const ownership: readonly Case[] = [
  applied(
    'apply to a set by two',
    ['m1', { set: ['a', 'b'] }],
    ['m2', { set: ['b', 'c'] }],
    ['m1', { set: ['a'] }],
  ),
  applied(
    'apply to an atomic list by two',
    ['m1', { atomicList: [{ a: '1' }] }],
    ['m2', { atomicList: [{ b: '2' }] }],
  ),
  applied(
    'apply to an atomic map by two',
    ['m1', { atomicMap: { a: '1' } }],
    ['m2', { atomicMap: { b: '2' } }],
  ),
  applied(
    'apply to an atomic map by force',
    ['m1', { atomicMap: { a: '1' } }],
    ['m2', { atomicMap: { b: '2' } }, '&force=true'],
  ),
  applied(
    'apply to a granular map by two',
    ['m1', { granularMap: { a: 1 } }],
    ['m2', { granularMap: { b: 2 } }],
  ),
  applied(
    'apply takes a key of a map back',
    ['m1', { granularMap: { a: 1, b: 2 } }],
    ['m1', { granularMap: { a: 1 } }],
  ),
  applied(
    'apply to a list by two keys',
    ['m1', { keyed: [{ port: 1, protocol: 'TCP', note: 'a' }] }],
    ['m2', { keyed: [{ port: 1, protocol: 'UDP', note: 'b' }] }],
    ['m2', { keyed: [{ port: 1, protocol: 'TCP', note: 'b' }] }],
  ),
  applied(
    'apply a key of a list by its default',
    ['m1', { keyed: [{ port: 1 }] }],
    ['m2', { keyed: [{ port: 1 }] }],
  ),
  applied(
    'apply the same by two, then neither',
    ['m1', { fixed: 'a' }],
    ['m2', { fixed: 'a' }],
    ['m1', {}],
    ['m2', {}],
  ),
  applied(
    'apply what is preserved',
    ['m1', { raw: { a: { b: 1 } } }],
    ['m2', { raw: { a: { c: 2 } } }],
    ['m1', {}],
  ),
  applied('apply an embedded object', ['m1', { embedded: pod }]),
  applied('apply an int, then a string', ['m1', { amount: 1 }], ['m1', { amount: 'one' }]),
  applied(
    'apply an empty object and an empty list',
    ['m1', { raw: {}, set: [], granularMap: { a: 1 } }],
    ['m1', {}],
  ),
  applied('apply a set with a value twice', ['m1', { set: ['a', 'a'] }]),
  applied('apply nulls', ['m1', { nullable: null, set: ['a'] }], ['m1', { nullable: 'x' }]),
  applied('apply breaks a transition rule', ['m1', { fixed: 'a' }], ['m1', { fixed: 'b' }]),
  applied('apply takes back what has a default', ['m1', { nullableDefault: 'mine' }], ['m1', {}]),
  applied(
    'apply takes back nested defaults',
    ['m1', { nested: { inner: { b: 7 } } }],
    ['m1', { nested: {} }],
    ['m1', {}],
  ),
  story(
    'an update takes fields over from an applier, who then takes them back',
    apply(ONE, 'm1', gizmo({ fixed: 'a', granularMap: { a: 1 } })),
    { ...merge(`${ONE}?fieldManager=editor`, { spec: { granularMap: { a: 2, b: 3 } } }) },
    apply(ONE, 'm1', gizmo({ fixed: 'a', granularMap: { a: 5 } })),
    apply(ONE, 'm1', gizmo({ fixed: 'a' })),
    get(ONE),
  ),
  story(
    'an applier leaves its fields to an updater by not naming them',
    apply(ONE, 'm1', gizmo({ granularMap: { a: 1, b: 2 } })),
    { ...merge(`${ONE}?fieldManager=editor`, { spec: { granularMap: { a: 9 } } }) },
    apply(ONE, 'm1', gizmo({})),
  ),
  story(
    'managedFields taken away by a patch',
    apply(ONE, 'm1', gizmo({ fixed: 'a' })),
    patch(JSON_PATCH, ONE, [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }]),
    apply(ONE, 'm2', gizmo({ fixed: 'b' })),
  ),
  story(
    'apply with a resourceVersion of the past',
    apply(ONE, 'm1', gizmo({ banned: 'x' })),
    apply(ONE, 'm1', gizmo({ banned: 'y' }, 'v1', { resourceVersion: '1' })),
    apply(ONE, 'm1', gizmo({ banned: 'y' }, 'v1', { resourceVersion: '{rv}' })),
  ),
  story('apply with generateName', apply(ONE, 'm1', { ...gizmo({}), metadata: { generateName: 'g-' } })),
  story(
    'apply owners by two',
    apply(ONE, 'm1', gizmo({}, 'v1', { ownerReferences: [owner('u1')] })),
    apply(ONE, 'm2', gizmo({}, 'v1', { ownerReferences: [owner('u2')] })),
    apply(ONE, 'm1', gizmo({})),
  ),
];

function owner(uid: string): object {
  return { apiVersion: 'elsewhere.example/v1', kind: 'Stranger', name: uid, uid };
}

const versions: readonly Case[] = [
  story(
    'a deprecated version warns',
    post(BETA, gizmo({ amount: 1 }, 'v1beta1')),
    get(`${BETA}/g`),
    get(ONE),
  ),
  story('a deprecated version warns in its own words', post(ALPHA, gizmo({ banned: 'x' }, 'v1alpha1'))),
  story(
    'a version that knows fewer fields',
    post(GIZMOS, gizmo({ fixed: 'a', banned: 'x' })),
    get(`${ALPHA}/g`),
  ),
  story(
    'a change by a version that knows fewer fields',
    post(GIZMOS, gizmo({ fixed: 'a', banned: 'x' })),
    merge(`${ALPHA}/g`, { spec: { banned: 'y' } }),
    get(ONE),
  ),
  story(
    'a replacement by a version that knows fewer fields',
    post(GIZMOS, gizmo({ fixed: 'a', banned: 'x' })),
    put(`${ALPHA}/g`, gizmo({ banned: 'z' }, 'v1alpha1', { resourceVersion: '{rv}' })),
    get(ONE),
  ),
  story('a list of another version', post(GIZMOS, gizmo({ amount: 1 })), get(BETA)),
  story(
    'a table of another version',
    post(GIZMOS, gizmo({ amount: 1 })),
    get(BETA, TABLE),
    get(GIZMOS, TABLE),
  ),
  story(
    'apply through two versions',
    apply(ONE, 'm1', gizmo({ banned: 'x' })),
    apply(`${ALPHA}/g`, 'm1', gizmo({ banned: 'y' }, 'v1alpha1')),
    apply(`${ALPHA}/g`, 'm2', gizmo({ banned: 'z' }, 'v1alpha1')),
  ),
  story(
    'strict and unknown at once in two ways',
    post(
      `${GIZMOS}?fieldValidation=Strict`,
      gizmo({ odd: 1, nested: { inner: { c: 1 } }, keyed: [{ port: 1, x: 1 }] }),
    ),
  ),
];

/** What schemas can say: values, rules, ownership by list and map type, versions. */
export const schemas: readonly Case[] = [...values, ...rules, ...ownership, ...versions];

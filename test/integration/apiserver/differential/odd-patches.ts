import {
  apply,
  type Case,
  CONFIG_MAPS,
  configMap,
  JSON_PATCH,
  merge,
  patch,
  post,
  put,
  quietly,
  STRATEGIC_PATCH,
  type Step,
  story,
  WIDGETS,
  widget,
} from './case.ts';

const A = `${WIDGETS}/a`;
const C = `${CONFIG_MAPS}/c`;
const PARTS = [
  { name: 'left', weight: 1 },
  { name: 'right', weight: 2 },
];

type Operation = Readonly<Record<string, unknown>>;

const makeWidget = quietly(post(WIDGETS, widget('a', { parts: PARTS }, { labels: { 'a/b': 'c' } })));
const makeMap = quietly(post(CONFIG_MAPS, configMap('c')));

/** Each list of operations is tried on a widget that stays as it was. */
function onWidget(name: string, ...attempts: (readonly unknown[])[]): Case {
  return story(name, makeWidget, ...attempts.map((all) => patch(JSON_PATCH, `${A}?dryRun=All`, all)));
}

const at = (op: string, path: string, more: Operation = {}): Operation => ({ op, path, ...more });
const third = { name: 'third', weight: 3 };

const operations: readonly Case[] = [
  onWidget(
    'JSON patch: what is not there',
    [at('replace', '/spec/note', { value: 'new' })],
    [at('test', '/spec/note', { value: null })],
    [at('test', '/spec/note')],
    [at('test', '/spec/note', { value: 'x' })],
    [at('copy', '/spec/note', { from: '/spec/nothing' })],
    [at('move', '/spec/note', { from: '/spec/nothing' })],
    [at('remove', '/spec/note')],
    [at('add', '/spec/nothing/below', { value: 1 })],
    [at('add', '/spec/note')],
  ),
  onWidget(
    'JSON patch: indices',
    [at('add', '/spec/parts/-', { value: third })],
    [at('add', '/spec/parts/-1', { value: third })],
    [at('add', '/spec/parts/2', { value: third })],
    [at('add', '/spec/parts/3', { value: third })],
    [at('add', '/spec/parts/+1', { value: third })],
    [at('add', '/spec/parts/x', { value: third })],
    [at('replace', '/spec/parts/-1/weight', { value: 9 })],
    [at('replace', '/spec/parts/-', { value: third })],
    [at('remove', '/spec/parts/-2')],
    [at('remove', '/spec/parts/-3')],
    [at('move', '/spec/parts/1', { from: '/spec/parts/0' })],
    [at('copy', '/spec/parts/3', { from: '/spec/parts/0' })],
  ),
  onWidget(
    'JSON patch: pointers',
    [at('test', '/metadata/labels/a~1b', { value: 'c' })],
    [at('test', '/metadata/labels/a~0b', { value: 'c' })],
    [at('replace', 'x/spec/note', { value: 'before the slash' })],
    [at('replace', 'spec', { value: {} })],
    [at('add', '', { value: {} })],
    [at('remove', '')],
    [at('copy', '', { from: '/spec' })],
    [at('test', '', { value: {} })],
    [at('add', '/spec/colour/x', { value: 1 })],
    [at('move', '/spec/parts/0/name', { from: '/spec/parts' })],
  ),
  onWidget(
    'JSON patch: of everything',
    [at('replace', '', { value: [] })],
    [at('replace', '', { value: [1] })],
    [at('replace', '', { value: 7 })],
    [at('replace', '', { value: null })],
    [at('replace', '', { value: { a: 1 } })],
    [at('replace', '', { value: { kind: 'Widget' } })],
  ),
  onWidget(
    'JSON patch: operations that are none',
    [at('nonsense', '/spec/note')],
    [{ path: '/spec/note' }],
    [{ op: 'add' }],
    [{ op: 'move', path: '/spec/note' }],
    [null],
    [7],
    ['x'],
    [[]],
    [at('add', '/spec/note', { from: 7 })],
    [{ op: 7, path: '/spec/note' }],
    [{ op: 'add', path: true }],
    [at('add', '/spec/note', { value: 'x', more: 1 })],
  ),
  story(
    'JSON patch: fields that mean nothing, strictly and not at all',
    makeWidget,
    ...['Strict', 'Ignore'].map((how) =>
      patch(JSON_PATCH, `${A}?dryRun=All&fieldValidation=${how}`, [
        at('add', '/spec/note', { value: 'x', more: 1 }),
      ]),
    ),
  ),
];

const merges = (path: string, ...patches: object[]): Step[] =>
  patches.map((one) => merge(`${path}?dryRun=All`, one));

const identity: readonly Case[] = [
  story(
    'a patch that changes what the object is',
    makeWidget,
    ...merges(
      A,
      { kind: 'Other' },
      { metadata: { name: 'other' } },
      { metadata: { name: null } },
      { metadata: null },
      { metadata: { namespace: 'other' } },
      { metadata: { namespace: null } },
    ),
  ),
  story(
    'a patch that changes what a built-in object is',
    makeMap,
    ...merges(
      C,
      { kind: null },
      { metadata: { name: 'other' } },
      { metadata: { name: null } },
      { metadata: { namespace: 'other' } },
    ),
  ),
  story(
    'a patch to the wrong version',
    makeWidget,
    ...merges(A, { apiVersion: 'example.com/v2beta7' }, { apiVersion: 'x' }),
  ),
  story('a patch that takes the version away', makeWidget, merge(`${A}?dryRun=All`, { apiVersion: null })),
];

const brokenStatus = { conditions: [{ status: 'True' }] };
const brokenSpec = { colour: 'green', parts: [{ weight: 1 }] };
const sent = (spec: object, status: object): object => ({
  ...widget('a', {}, { resourceVersion: '{rv}' }),
  spec,
  status,
});

/** What an endpoint does not write is looked at when ownership is settled. */
const owners: readonly Case[] = [
  story(
    'nobody owns what comes with a status that is ignored and broken',
    post(WIDGETS, { ...widget('a'), status: brokenStatus }),
    put(A, sent({ colour: 'green' }, {})),
  ),
  story(
    'nobody owns a status that comes with a broken spec',
    makeWidget,
    merge(`${A}/status`, { spec: brokenSpec, status: { replicas: 1 } }),
    merge(A, { spec: { note: 'x' } }),
  ),
  story(
    'a null counts for nothing when ownership is settled',
    makeWidget,
    merge(`${A}/status`, { spec: { parts: [{ name: null, weight: 1 }] }, status: { replicas: 1 } }),
    put(`${A}/status`, sent({ colour: null }, { replicas: 2 })),
  ),
  story(
    'everybody owns what comes with what is there twice',
    makeWidget,
    merge(`${A}/status`, { spec: { parts: [...PARTS, ...PARTS] }, status: { replicas: 1 } }),
  ),
];

const REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
const INHERITED = { constructor: 1, toString: 1, hasOwnProperty: 1 };

const NO_METADATA = [7, [], null, { labels: 7 }];

/** What is left is decoded as if it had been sent. */
const types: readonly Case[] = [
  story(
    'metadata that is none',
    makeWidget,
    ...merges(A, ...NO_METADATA.map((metadata) => ({ metadata }))),
    patch(JSON_PATCH, A, [at('replace', '/metadata', { value: 'x' })]),
    put(A, { ...widget('a'), metadata: true }),
    post(WIDGETS, { ...widget('b'), metadata: 7 }),
    post(WIDGETS, { ...widget('b'), metadata: [] }),
  ),
  story(
    'metadata that is none, of a built-in kind',
    makeMap,
    ...merges(C, ...NO_METADATA.slice(0, 3).map((metadata) => ({ metadata }))),
    patch(JSON_PATCH, C, [at('replace', '/metadata', { value: 'x' })]),
    put(C, { ...configMap('c'), metadata: [] }),
    post(CONFIG_MAPS, { ...configMap('d'), metadata: 'x' }),
  ),
  story(
    'a patch to a value that has another type, of a built-in kind',
    makeMap,
    ...merges(C, { metadata: { labels: 7 } }, { data: 7 }, { data: { a: 7 } }),
    ...[{ metadata: 7 }, { metadata: { labels: 7 } }, { data: { a: 7 } }].map((change) =>
      patch(STRATEGIC_PATCH, C, change),
    ),
  ),
  story(
    'fields that every object of JavaScript has',
    makeMap,
    makeWidget,
    ...[A, C].flatMap((path) => merges(path, { metadata: INHERITED }, INHERITED)),
    merge(`${A}?dryRun=All`, { spec: INHERITED }),
    merge(`${C}?dryRun=All`, { data: { constructor: '1' } }),
    post(REVIEWS, { spec: { token: 'x', ...INHERITED }, metadata: INHERITED, ...INHERITED }),
  ),
  story('apply metadata that is none', apply(A, 'm', { ...widget('a'), metadata: 7 })),
  story(
    'apply a name that is none, of a built-in kind',
    apply(C, 'm', { ...configMap('c'), metadata: { name: 7 } }),
  ),
];

/** Patches that a client may send, and what is made of them. */
export const oddPatches: readonly Case[] = [...operations, ...identity, ...owners, ...types];

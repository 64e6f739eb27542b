import {
  type Case,
  CONFIG_MAPS,
  configMap,
  JSON_PATCH,
  merge,
  patch,
  post,
  put,
  quietly,
  remove,
  SECRETS,
  type Step,
  story,
  WIDGETS,
  widget,
} from './case.ts';

const GIZMOS = '/apis/example.com/v1/namespaces/{ns}/gizmos';
const REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
const G = `${GIZMOS}/g`;
const A = `${WIDGETS}/a`;
const C = `${CONFIG_MAPS}/c`;
const MIB = 1024 * 1024;
const ETCD = 1.5 * MIB;

function gizmo(spec: object, more: object = {}): object {
  return { apiVersion: 'example.com/v1', kind: 'Gizmo', metadata: { name: 'g', ...more }, spec };
}

const raw = (text: string): object => ({ raw: { text } });
const makeGizmo = quietly(post(GIZMOS, gizmo({ raw: { a: 'x', list: ['x'] } })));
const makeWidget = quietly(post(WIDGETS, widget('a')));
const makeMap = quietly(post(CONFIG_MAPS, configMap('c')));

/** What comes back is as large as what was sent: of large objects that are taken, the size is compared. */
function measured(step: Step): Step {
  const size = (body: unknown): unknown =>
    (body as { kind?: string } | undefined)?.kind === 'Status' ? body : JSON.stringify(body).length;
  return { ...step, view: size };
}

const tooLong = 'x'.repeat(3 * MIB);

const bodies = story(
  'a request of more than 3 MiB',
  makeWidget,
  makeMap,
  post(WIDGETS, widget('b', { note: tooLong })),
  post(CONFIG_MAPS, configMap('b', { a: tooLong })),
  put(A, widget('a', { note: tooLong })),
  merge(C, { data: { a: tooLong } }),
  patch(JSON_PATCH, A, [{ op: 'add', path: '/spec/note', value: tooLong }]),
  remove(A, { note: tooLong }),
  remove(WIDGETS, { note: tooLong }),
  post(REVIEWS, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: tooLong } }),
);

const test = { op: 'test', path: '/spec/raw/a', value: 'x' };
const copyInto = (from: string, path: string): object => ({ op: 'copy', from, path });
const times = (count: number, operation: object): object[] => Array.from({ length: count }, () => operation);

function secret(text: string): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { a: btoa(text) } };
}

/** A patch that copies a text that many times. */
function copies(text: string, count: number): Step {
  const add = { op: 'add', path: '/spec/raw/text', value: text };
  const copy = copyInto('/spec/raw/text', '/spec/raw/copy');
  return measured(patch(JSON_PATCH, `${G}?dryRun=All`, [add, ...times(count, copy)]));
}

const patches: readonly Case[] = [
  story(
    'a JSON patch of many operations',
    makeGizmo,
    measured(patch(JSON_PATCH, G, times(10_000, test))),
    patch(JSON_PATCH, G, times(10_001, test)),
    patch(JSON_PATCH, C, times(10_001, test)),
  ),
  story(
    'a JSON patch that doubles a value',
    makeGizmo,
    // Each takes twice as long as the one before: the last that is taken, the first that is not, and what is far from both.
    ...[10, 19, 20, 40].map((count) =>
      measured(
        patch(JSON_PATCH, `${G}?dryRun=All`, times(count, copyInto('/spec/raw/list', '/spec/raw/list/-'))),
      ),
    ),
  ),
  story(
    'a JSON patch that copies up to the limit, and one byte more',
    makeGizmo,
    copies('x'.repeat(MIB - 2), 3),
    copies('x'.repeat(MIB - 1), 3),
    copies('\u00e9'.repeat(MIB / 2 - 1), 3),
    copies('\u00e9'.repeat(MIB / 2), 3),
    copies(`${'<'.repeat(MIB / 8)}${'x'.repeat(MIB / 4 - 2)}`, 3),
    copies(`${'<'.repeat(MIB / 8)}${'x'.repeat(MIB / 4 - 1)}`, 3),
    copies(`\u2028${'&>'.repeat(MIB / 16)}${'x'.repeat(MIB / 4 - 8)}`, 3),
    copies(`\u2028${'&>'.repeat(MIB / 16)}${'x'.repeat(MIB / 4 - 7)}`, 3),
    copies('', 9000),
    measured(
      patch(JSON_PATCH, `${G}?dryRun=All`, times(10_000, copyInto('/spec/raw/nothing', '/spec/raw/copy'))),
    ),
  ),
];

const sizes: readonly Case[] = [
  story(
    'an object that is too large for etcd',
    post(GIZMOS, gizmo(raw('x'.repeat(ETCD)))),
    measured(post(`${GIZMOS}?dryRun=All`, gizmo(raw('x'.repeat(ETCD))))),
    measured(post(GIZMOS, gizmo(raw('x'.repeat(ETCD - 1000))))),
    merge(G, { spec: raw('x'.repeat(ETCD)) }),
    measured(merge(`${G}?dryRun=All`, { spec: raw('x'.repeat(ETCD)) })),
    merge(G, { metadata: { annotations: { 'example.com/text': 'x'.repeat(1000) } } }),
    merge(`${G}/status`, { status: { text: 'x'.repeat(1000) } }),
    patch(JSON_PATCH, G, [{ op: 'add', path: '/spec/raw/more', value: 'x'.repeat(1000) }]),
    put(G, gizmo(raw('x'.repeat(ETCD + 1)), { resourceVersion: '{rv}' })),
    measured(remove(G)),
  ),
  story(
    'an object of letters that Go escapes, which is too large for etcd',
    measured(post(GIZMOS, gizmo(raw('<'.repeat(ETCD / 6 - 200))))),
    merge(G, { spec: raw('<'.repeat(ETCD / 6)) }),
    measured(merge(G, { spec: raw('\u00e9'.repeat(ETCD / 2 - 600)) })),
    merge(G, { spec: raw('\u00e9'.repeat(ETCD / 2)) }),
  ),
  story(
    'a ConfigMap of 1 MiB, and of more',
    measured(post(CONFIG_MAPS, configMap('c', { a: 'x'.repeat(MIB) }))),
    measured(merge(C, { data: { a: '\n'.repeat(MIB) } })),
    measured(merge(C, { data: { a: '\u00e9'.repeat(MIB / 2) } })),
    merge(C, { data: { a: 'x'.repeat(MIB + 1) } }),
  ),
  story(
    'a Secret of 1 MiB, and of more',
    measured(post(SECRETS, secret('x'.repeat(MIB)))),
    post(SECRETS, secret('x'.repeat(MIB + 1))),
  ),
];

const names = (count: number, length: number): Record<string, number> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`odd${String(at).padStart(3, '0')}${'x'.repeat(length)}`, 1]),
  );
const twice = (kind: string, count: number): string =>
  `{${Array.from({ length: count }, (_, at) => `"a${at}":1,"a${at}":1,`).join('')}${kind.slice(1)}`;

/** Fields that no schema knows: many, and long ones. */
const faults: readonly Case[] = ['Warn', 'Strict'].flatMap((how) =>
  [
    [300, 0],
    [30, 400],
    [20, 100],
    [16, 230],
    [17, 300],
  ].map(([count = 0, length = 0]) =>
    story(
      `${count} unknown fields with names of ${length}, ${how}`,
      post(`${WIDGETS}?dryRun=All&fieldValidation=${how}`, { ...widget('b'), ...names(count, length) }),
      post(`${CONFIG_MAPS}?dryRun=All&fieldValidation=${how}`, {
        ...configMap('b'),
        ...names(count, length),
      }),
      makeMap,
      // A refusal quotes the object as Go writes it.
      ...(how === 'Strict' ? [] : [merge(`${C}?dryRun=All`, names(count, length))]),
    ),
  ),
);

const oddOperations = ['Warn', 'Strict'].map((how) =>
  story(
    `a JSON patch of 150 fields that mean nothing, ${how}`,
    makeGizmo,
    patch(JSON_PATCH, `${G}?dryRun=All&fieldValidation=${how}`, times(150, { ...test, more: 1 })),
  ),
);

const duplicates = ['Warn', 'Strict'].map((how) =>
  story(
    `150 fields that occur twice, ${how}`,
    post(`${WIDGETS}?dryRun=All&fieldValidation=${how}`, twice(JSON.stringify(widget('b')), 150)),
  ),
);

/** What kube-apiserver limits, up to the limit and beyond. */
export const limits: readonly Case[] = [
  bodies,
  ...patches,
  ...sizes,
  ...faults,
  ...oddOperations,
  ...duplicates,
];

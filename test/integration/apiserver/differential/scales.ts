/** The scale of a custom resource, written in every odd way. */

import {
  apply,
  type Case,
  get,
  JSON_PATCH,
  merge,
  patch,
  post,
  put,
  STRATEGIC_PATCH,
  type Step,
  story,
  WIDGETS,
  widget,
} from './case.ts';

const SCALE = `${WIDGETS}/w/scale`;
const dry = (query = ''): string => `${SCALE}?dryRun=All${query}`;
const made = post(WIDGETS, widget('w', { replicas: 2 }));
const read = get(`${WIDGETS}/w`);

const whole = {
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name: 'w', namespace: '{ns}' },
  spec: { replicas: 3 },
};
const withMeta = (metadata: object): object => ({ ...whole, metadata: { ...whole.metadata, ...metadata } });

const NOTHING = [null, '', 0, false, [], {}];
const VALUES = [...NOTHING, 'x', 1, -1, 1.5, 2 ** 31, 2 ** 53, true, ['x'], { x: 1 }];
const META = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'labels',
  'generation',
  'x',
];

/** Bodies that differ from a good one in one place. */
const BODIES: readonly unknown[] = [
  whole,
  ...['apiVersion', 'kind', 'metadata', 'spec', 'status', 'x'].flatMap((field) =>
    VALUES.map((value) => ({ ...whole, [field]: value })),
  ),
  ...META.flatMap((field) => [...NOTHING, 'x', 1].map((value) => withMeta({ [field]: value }))),
  ...['replicas', 'x'].flatMap((field) => VALUES.map((value) => ({ ...whole, spec: { [field]: value } }))),
  ...['replicas', 'selector', 'x'].flatMap((field) =>
    [...NOTHING, 'x', 1].map((value) => ({ ...whole, status: { [field]: value } })),
  ),
  ...['v1', 'autoscaling/v2', 'example.com/v1'].map((apiVersion) => ({ ...whole, apiVersion })),
  ...['Widget', 'ScaleList'].map((kind) => ({ ...whole, kind })),
  { ...whole, metadata: { name: 'w' } },
  { ...whole, metadata: { namespace: '{ns}' } },
  ...[{}, [], null, 'x', 1, '{', ''],
];

const validating = (validation: string): Step =>
  put(dry(`&fieldValidation=${validation}`), {
    ...whole,
    x: 1,
    spec: { replicas: 3, y: 1 },
    metadata: { name: 'w', z: 1 },
  });

/** Patches of one place, by each way of patching. */
const PATCHES: readonly Step[] = [
  ...[
    ...META.map((field) => `metadata/${field}`),
    'metadata',
    'spec',
    'spec/replicas',
    'spec/x',
    'kind',
    'apiVersion',
    'x',
  ].flatMap((path) =>
    [null, '', 'x', 1, {}].flatMap((value) => {
      const [first = '', second] = path.split('/');
      const body = second === undefined ? { [first]: value } : { [first]: { [second]: value } };
      return [merge(dry(), body), patch(JSON_PATCH, dry(), [{ op: 'add', path: `/${path}`, value }])];
    }),
  ),
  patch(STRATEGIC_PATCH, dry(), { spec: { replicas: 3 } }),
  merge(dry('&fieldValidation=Strict'), { x: 1, spec: { y: 1 } }),
  merge(dry('&fieldValidation=Warn'), { x: 1, spec: { y: 1 } }),
  merge(dry('&fieldManager=m&force=true'), {}),
];

export const scales: readonly Case[] = [
  story('a scale with odd fields, put', made, ...BODIES.map((body) => put(dry(), body))),
  story('a scale with unknown fields', made, ...['Strict', 'Warn', 'Ignore', ''].map(validating)),
  story('a scale, patched in odd places', made, ...PATCHES),
  story(
    'a scale of one version',
    made,
    put(SCALE, withMeta({ uid: '{uid}', resourceVersion: '{rv}' })),
    read,
  ),
  story('a scale that changes nothing', made, put(SCALE, { ...whole, spec: { replicas: 2 } }), read),
  story('a scale in YAML', made, {
    ...put(dry(), `apiVersion: autoscaling/v1\nkind: Scale\nmetadata: {name: w}\nspec: {replicas: 3}\n`),
    type: 'application/yaml',
  }),
  story(
    'a scale, applied against others',
    made,
    apply(SCALE, 'm', whole),
    apply(SCALE, 'm', { ...whole, spec: {} }),
  ),
  story(
    'a scale, applied without replicas',
    made,
    apply(SCALE, 'm', { apiVersion: 'autoscaling/v1', kind: 'Scale' }),
  ),
];

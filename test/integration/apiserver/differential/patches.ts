import {
  apply,
  type Case,
  CONFIG_MAPS,
  configMap,
  get,
  JSON_PATCH,
  merge,
  patch,
  post,
  put,
  STRATEGIC_PATCH,
  story,
  WIDGETS,
  widget,
} from './case.ts';

const ONE_WIDGET = `${WIDGETS}/w`;
const ONE_MAP = `${CONFIG_MAPS}/c`;
const STATUS = `${ONE_WIDGET}/status`;
const SCALE = `${ONE_WIDGET}/scale`;
const DEPLOYMENTS = '/apis/coppice.dev/v1alpha1/namespaces/{ns}/servicedeployments';

/** The three patches that are no server-side apply. */
export const patches: readonly Case[] = [
  story(
    'merge patch',
    post(WIDGETS, widget('w', { note: 'x' })),
    merge(ONE_WIDGET, { metadata: { labels: { a: 'b' } }, spec: { note: 'y' } }),
  ),
  story(
    'merge patch of a built-in kind',
    post(CONFIG_MAPS, configMap('c')),
    merge(ONE_MAP, { data: { a: null, b: '2' } }),
  ),
  story(
    'merge patch that changes nothing',
    post(WIDGETS, widget('w')),
    merge(ONE_WIDGET, { spec: { colour: 'green' } }),
  ),
  story(
    'merge patch that breaks a rule',
    post(WIDGETS, widget('w')),
    merge(ONE_WIDGET, { spec: { colour: 'mauve' } }),
  ),
  story(
    'merge patch of another name',
    post(WIDGETS, widget('w')),
    merge(ONE_WIDGET, { metadata: { name: 'v' } }),
  ),
  story(
    'merge patch of a stale version',
    post(WIDGETS, widget('w')),
    merge(ONE_WIDGET, { metadata: { resourceVersion: '1' }, spec: { size: 'big' } }),
  ),
  story('merge patch of what is not there', merge(ONE_WIDGET, {}), merge(ONE_MAP, {})),
  story(
    'merge patch that is no object',
    post(WIDGETS, widget('w')),
    merge(ONE_WIDGET, '[]'),
    merge(ONE_WIDGET, '{'),
  ),
  story(
    'merge patch of the uid',
    post(CONFIG_MAPS, configMap('c')),
    merge(ONE_MAP, { metadata: { uid: 'x' } }),
  ),
  story(
    'JSON patch',
    post(WIDGETS, widget('w')),
    patch(JSON_PATCH, ONE_WIDGET, [
      { op: 'test', path: '/spec/colour', value: 'green' },
      { op: 'replace', path: '/spec/colour', value: 'blue' },
      { op: 'add', path: '/metadata/labels', value: { a: 'b' } },
    ]),
  ),
  story(
    'JSON patch whose test fails',
    post(WIDGETS, widget('w')),
    patch(JSON_PATCH, ONE_WIDGET, [{ op: 'test', path: '/spec/colour', value: 'red' }]),
  ),
  story(
    'JSON patch of a path that is not there',
    post(WIDGETS, widget('w')),
    patch(JSON_PATCH, ONE_WIDGET, [{ op: 'remove', path: '/spec/nothing' }]),
  ),
  story('JSON patch that is none', post(WIDGETS, widget('w')), patch(JSON_PATCH, ONE_WIDGET, { op: 'add' })),
  story(
    'strategic patch',
    post(CONFIG_MAPS, configMap('c', {}, { finalizers: ['example.com/a'] })),
    patch(STRATEGIC_PATCH, ONE_MAP, { data: { b: '2' }, metadata: { finalizers: ['example.com/b'] } }),
  ),
  story(
    'strategic patch of a custom resource',
    post(WIDGETS, widget('w')),
    patch(STRATEGIC_PATCH, ONE_WIDGET, { spec: { size: 'big' } }),
  ),
  story(
    'strategic patch with a directive',
    post(CONFIG_MAPS, configMap('c')),
    patch(STRATEGIC_PATCH, ONE_MAP, { data: { $patch: 'replace', z: '9' } }),
  ),
  story(
    'a patch of a type that is none',
    post(WIDGETS, widget('w')),
    patch('application/json', ONE_WIDGET, {}),
    post(CONFIG_MAPS, configMap('c')),
    patch('text/plain', ONE_MAP, 'x'),
  ),
  story(
    'managedFields emptied',
    post(CONFIG_MAPS, configMap('c')),
    merge(ONE_MAP, { metadata: { managedFields: [{}] } }),
  ),
];

/** Server-side apply: ownership, conflicts, force, removal, lists by key. */
export const applies: readonly Case[] = [
  story('apply creates', apply(ONE_WIDGET, 'm1', widget('w', { note: 'x' })), get(ONE_WIDGET)),
  story('apply creates a built-in kind', apply(ONE_MAP, 'm1', configMap('c')), get(ONE_MAP)),
  story('apply again', apply(ONE_WIDGET, 'm1', widget('w')), apply(ONE_WIDGET, 'm1', widget('w'))),
  story(
    'apply by two',
    apply(ONE_WIDGET, 'm1', widget('w', { note: 'x' })),
    apply(ONE_WIDGET, 'm2', widget('w', { size: 'big' })),
  ),
  story(
    'apply by two to one field',
    apply(ONE_WIDGET, 'm1', widget('w', { note: 'x' })),
    apply(ONE_WIDGET, 'm2', widget('w', { note: 'y' })),
    apply(ONE_WIDGET, 'm2', widget('w', { note: 'y' }), '&force=true'),
  ),
  story(
    'apply against an updater',
    post(CONFIG_MAPS, configMap('c')),
    apply(ONE_MAP, 'm1', configMap('c', { a: '2' })),
  ),
  story(
    'apply against several',
    apply(ONE_WIDGET, 'm1', widget('w', { note: 'x', size: 'big' })),
    merge(ONE_WIDGET, { spec: { replicas: 7 } }),
    apply(ONE_WIDGET, 'm2', widget('w', { note: 'y', size: 'small', replicas: 8 })),
  ),
  story(
    'apply no longer what was applied',
    apply(ONE_WIDGET, 'm1', widget('w', { size: 'big', note: 'x' })),
    apply(ONE_WIDGET, 'm1', widget('w', { note: 'x' })),
  ),
  story(
    'apply items of a list by key',
    apply(ONE_WIDGET, 'm1', widget('w', { parts: [{ name: 'a', weight: 1 }, { name: 'b' }] })),
    apply(ONE_WIDGET, 'm2', widget('w', { parts: [{ name: 'c' }] })),
    apply(ONE_WIDGET, 'm1', widget('w', { parts: [{ name: 'b', weight: 2 }] })),
  ),
  story(
    'apply an item twice',
    apply(ONE_WIDGET, 'm1', widget('w', { parts: [{ name: 'a' }, { name: 'a' }] })),
  ),
  story(
    'apply an unknown field',
    apply(ONE_WIDGET, 'm1', widget('w', { shape: 'round' })),
    apply(ONE_MAP, 'm1', { ...configMap('c'), dada: 1 }),
  ),
  story('apply a wrong type', apply(ONE_WIDGET, 'm1', widget('w', { replicas: 'two' }))),
  story('apply a null', apply(ONE_WIDGET, 'm1', widget('w', { note: null }))),
  story('apply a value that is none of the enum', apply(ONE_WIDGET, 'm1', widget('w', { colour: 'mauve' }))),
  story('apply without a manager', patch('application/apply-patch+yaml', ONE_WIDGET, widget('w'))),
  story('apply managedFields', apply(ONE_WIDGET, 'm1', widget('w', {}, { managedFields: [] }))),
  story(
    'apply a status',
    apply(ONE_WIDGET, 'm1', { ...widget('w'), status: { replicas: 1 } }),
    apply(STATUS, 'm2', { ...widget('w'), status: { replicas: 2 } }),
  ),
  story('apply in a dry run', apply(ONE_WIDGET, 'm1', widget('w'), '&dryRun=All'), get(ONE_WIDGET)),
  story('apply another name', apply(ONE_WIDGET, 'm1', widget('v'))),
  story(
    'apply without a name',
    apply(ONE_WIDGET, 'm1', { apiVersion: 'example.com/v1', kind: 'Widget', spec: { colour: 'red' } }),
  ),
  story('apply another kind', apply(ONE_WIDGET, 'm1', configMap('w'))),
  story('apply no YAML', apply(ONE_WIDGET, 'm1', '{{')),
  story('apply with a uid to nothing', apply(ONE_WIDGET, 'm1', widget('w', {}, { uid: 'x' }))),
  story(
    'apply labels and finalizers',
    apply(ONE_MAP, 'm1', configMap('c', {}, { labels: { a: '1' }, finalizers: ['example.com/a'] })),
    apply(ONE_MAP, 'm2', configMap('c', {}, { labels: { b: '1' }, finalizers: ['example.com/b'] })),
    apply(ONE_MAP, 'm1', configMap('c')),
  ),
];

/** Status and scale. */
export const subresources: readonly Case[] = [
  story(
    'status is apart',
    post(WIDGETS, { ...widget('w'), status: { replicas: 3 } }),
    put(STATUS, { ...widget('w', { colour: 'blue' }, { resourceVersion: '{rv}' }), status: { replicas: 2 } }),
    get(STATUS),
  ),
  story(
    'status by patch',
    post(WIDGETS, widget('w')),
    merge(STATUS, { status: { conditions: [{ type: 'Ready', status: 'True' }] }, spec: { colour: 'red' } }),
  ),
  story(
    'status that breaks a rule',
    post(WIDGETS, widget('w')),
    merge(STATUS, { status: { replicas: 'x', conditions: [{ type: 'Ready' }] } }),
  ),
  story(
    'status with negative replicas',
    post(WIDGETS, widget('w')),
    merge(STATUS, { status: { replicas: -1 } }),
  ),
  story(
    'status unknown fields',
    post(WIDGETS, widget('w')),
    merge(`${STATUS}?fieldValidation=Strict`, { status: { odd: 1 } }),
  ),
  story(
    'status by an unseen put',
    post(WIDGETS, widget('w')),
    put(STATUS, { ...widget('w'), status: { replicas: 2 } }),
  ),
  story('status of what is not there', get(STATUS), merge(STATUS, {})),
  story('status of a namespace', get('/api/v1/namespaces/{ns}/status')),
  story(
    'apply metadata and the status of a namespace',
    apply('/api/v1/namespaces/{ns}/status', 'm1', namespaceStatus({ a: 'b' })),
    apply('/api/v1/namespaces/{ns}/status', 'm2', namespaceStatus({ a: 'c' })),
    apply('/api/v1/namespaces/{ns}/status', 'm2', namespaceStatus({ a: 'c' }), '&force=true'),
    apply('/api/v1/namespaces/{ns}/status', 'm2', namespaceStatus({})),
  ),
  story(
    'apply metadata and the status of a widget',
    post(WIDGETS, widget('w')),
    apply(STATUS, 'm1', { ...widget('w', {}, { labels: { a: 'b' } }), status: { replicas: 2 } }),
  ),
  story(
    'read the scale',
    post(WIDGETS, widget('w', { replicas: 4 })),
    merge(STATUS, { status: { replicas: 2, selector: 'a=b' } }),
    get(SCALE),
  ),
  story('scale by put', post(WIDGETS, widget('w')), put(SCALE, scale(5)), get(ONE_WIDGET)),
  story(
    'scale by patch',
    post(WIDGETS, widget('w')),
    merge(SCALE, { spec: { replicas: 6 } }),
    get(ONE_WIDGET),
  ),
  story(
    'scale by JSON patch',
    post(WIDGETS, widget('w')),
    patch(JSON_PATCH, SCALE, [{ op: 'replace', path: '/spec/replicas', value: 3 }]),
  ),
  story('scale too far', post(WIDGETS, widget('w')), merge(SCALE, { spec: { replicas: 101 } })),
  story('scale below zero', post(WIDGETS, widget('w')), put(SCALE, scale(-1))),
  story('scale a stale version', post(WIDGETS, widget('w')), put(SCALE, scale(2, { resourceVersion: '1' }))),
  story('scale in a dry run', post(WIDGETS, widget('w')), put(`${SCALE}?dryRun=All`, scale(2)), get(SCALE)),
  story(
    'scale what has no replicas',
    post(DEPLOYMENTS, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'ServiceDeployment',
      metadata: { name: 'd' },
      spec: { services: [{ name: 'web', template: { name: 't' } }] },
    }),
    get(`${DEPLOYMENTS}/d/scale`),
    merge(`${DEPLOYMENTS}/d/scale`, { spec: { replicas: 2 } }),
    get(`${DEPLOYMENTS}/d/scale`),
  ),
  story('scale what is not there', get(SCALE), put(SCALE, scale(1))),
  story(
    'scale another name',
    post(WIDGETS, widget('w')),
    put(SCALE, { ...scale(1), metadata: { name: 'v' } }),
  ),
];

function namespaceStatus(labels: object): object {
  const condition = {
    type: 'Lived',
    status: 'True',
    reason: 'Test',
    message: '',
    lastTransitionTime: '2026-01-02T03:04:05Z',
  };
  const metadata = { name: '{ns}', labels };
  return { apiVersion: 'v1', kind: 'Namespace', metadata, status: { conditions: [condition] } };
}

function scale(replicas: number, metadata: object = {}): object {
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'w', namespace: '{ns}', ...metadata },
    spec: { replicas },
  };
}

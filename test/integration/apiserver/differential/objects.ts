import {
  bareWidget,
  type Case,
  CONFIG_MAPS,
  configMap,
  get,
  merge,
  post,
  put,
  remove,
  SECRETS,
  story,
  WIDGETS,
  widget,
} from './case.ts';

const ACCOUNTS = '/api/v1/namespaces/{ns}/serviceaccounts';
const ONE_WIDGET = `${WIDGETS}/w`;
const ONE_MAP = `${CONFIG_MAPS}/c`;
const HELD = { finalizers: ['example.com/hold'] };

/** Objects created, read, replaced and deleted. */
export const lifeOfObjects: readonly Case[] = [
  story('create a custom resource', post(WIDGETS, widget('w')), get(ONE_WIDGET)),
  story('create a built-in kind', post(CONFIG_MAPS, configMap('c')), get(ONE_MAP)),
  story('create twice', post(WIDGETS, widget('w')), post(WIDGETS, widget('w'))),
  story('create a built-in kind twice', post(CONFIG_MAPS, configMap('c')), post(CONFIG_MAPS, configMap('c'))),
  story('create by generateName', post(WIDGETS, { ...widget(''), metadata: { generateName: 'generated-' } })),
  story('create without a name', post(WIDGETS, { ...widget(''), metadata: {} })),
  story('create a built-in kind without a name', post(CONFIG_MAPS, { ...configMap(''), metadata: {} })),
  story('create with a bad name', post(WIDGETS, widget('Big_Name'))),
  story('create a built-in kind with a bad name', post(CONFIG_MAPS, configMap('Big_Name'))),
  story('create with bad labels', post(WIDGETS, widget('w', {}, { labels: { 'a b': 'c', d: 'e f' } }))),
  story(
    'create with bad annotations',
    post(CONFIG_MAPS, configMap('c', {}, { annotations: { 'a b': 'c' } })),
  ),
  story('create with a bad owner', post(WIDGETS, widget('w', {}, { ownerReferences: [{ name: 'x' }] }))),
  story('create with a bad finalizer', post(WIDGETS, widget('w', {}, { finalizers: ['a b'] }))),
  story('create with a plain finalizer', post(WIDGETS, widget('w', {}, { finalizers: ['plain'] }))),
  story('create with a resourceVersion', post(WIDGETS, widget('w', {}, { resourceVersion: '7' }))),
  story('create in another namespace', post(WIDGETS, widget('w', {}, { namespace: 'other' }))),
  story('create in no namespace', post('/api/v1/namespaces/nowhere/configmaps', configMap('c'))),
  story('create as the wrong kind', post(WIDGETS, { ...widget('w'), kind: 'Gadget' })),
  story('create as the wrong version', post(WIDGETS, { ...widget('w'), apiVersion: 'example.com/v2' })),
  story('create a built-in kind as the wrong kind', post(CONFIG_MAPS, { ...configMap('c'), kind: 'Secret' })),
  story(
    'create and replace without a type',
    ...[{ kind: undefined }, { apiVersion: undefined }, { kind: undefined, apiVersion: undefined }].flatMap(
      (type) => [
        post(`${WIDGETS}?dryRun=All`, { ...widget('w'), ...type }),
        post(`${CONFIG_MAPS}?dryRun=All`, { ...configMap('c'), ...type }),
        put(ONE_WIDGET, { ...widget('w'), ...type }),
        put(ONE_MAP, { ...configMap('c'), ...type }),
      ],
    ),
  ),
  story('create a secret', post(SECRETS, secret({ data: { a: 'YQ==' } })), get(`${SECRETS}/s`)),
  story('create a secret from text', post(SECRETS, secret({ stringData: { a: 'a' } })), get(`${SECRETS}/s`)),
  story('create a service account', post(ACCOUNTS, account('robot')), get(`${ACCOUNTS}/robot`)),
  story('create a namespace', post('/api/v1/namespaces', namespace('made-{ns}'))),
  story('create a namespace with a bad name', post('/api/v1/namespaces', namespace('a.b'))),
  story('read what is not there', get(`${WIDGETS}/none`), get(`${CONFIG_MAPS}/none`)),
  story('read a kind that is not there', get('/apis/example.com/v1/namespaces/{ns}/gadgets')),
  story('read a version that is not there', get('/apis/example.com/v9/namespaces/{ns}/widgets')),
  story('read a subresource that is not there', post(CONFIG_MAPS, configMap('c')), get(`${ONE_MAP}/status`)),
  story('use a method that is not there', { method: 'PUT', path: WIDGETS, body: widget('w') }),
  story('read from the future', get(`${WIDGETS}/w?resourceVersion=99999999`)),
  story('read a malformed version', get(`${ONE_MAP}?resourceVersion=x`)),
  story(
    'replace',
    post(WIDGETS, widget('w')),
    put(ONE_WIDGET, widget('w', { size: 'big' }, { resourceVersion: '{rv}' })),
  ),
  story(
    'replace by the same',
    post(WIDGETS, widget('w')),
    put(ONE_WIDGET, widget('w', { size: 'medium', replicas: 1 }, { resourceVersion: '{rv}' })),
  ),
  story('replace unseen', post(WIDGETS, widget('w')), put(ONE_WIDGET, widget('w', { size: 'big' }))),
  story(
    'replace a built-in kind unseen',
    post(CONFIG_MAPS, configMap('c')),
    put(ONE_MAP, configMap('c', { b: '2' })),
  ),
  story('replace what is not there', put(ONE_WIDGET, widget('w')), put(ONE_MAP, configMap('c'))),
  story(
    'replace a stale one',
    post(WIDGETS, widget('w')),
    merge(ONE_WIDGET, { spec: { size: 'big' } }),
    put(ONE_WIDGET, widget('w', {}, { resourceVersion: '1' })),
  ),
  story('replace another than the URL names', post(WIDGETS, widget('w')), put(ONE_WIDGET, widget('v'))),
  story(
    'replace with another uid',
    post(CONFIG_MAPS, configMap('c')),
    put(ONE_MAP, configMap('c', {}, { uid: '00000000-0000-0000-0000-000000000000' })),
  ),
  story(
    'replace without a name',
    post(CONFIG_MAPS, configMap('c')),
    put(ONE_MAP, { apiVersion: 'v1', kind: 'ConfigMap' }),
  ),
  story(
    'replace immutable data',
    post(CONFIG_MAPS, { ...configMap('c'), immutable: true }),
    put(ONE_MAP, configMap('c', { b: '2' })),
  ),
  story('change the type of a secret', post(SECRETS, secret({})), put(`${SECRETS}/s`, secret({ type: 'x' }))),
  story('delete', post(WIDGETS, widget('w')), remove(ONE_WIDGET), get(ONE_WIDGET)),
  story('delete a built-in kind', post(CONFIG_MAPS, configMap('c')), remove(ONE_MAP)),
  story('delete a service account', post(ACCOUNTS, account('robot')), remove(`${ACCOUNTS}/robot`)),
  story('delete what is not there', remove(ONE_WIDGET), remove(ONE_MAP)),
  story(
    'delete with a finalizer',
    post(WIDGETS, widget('w', {}, HELD)),
    remove(ONE_WIDGET),
    remove(ONE_WIDGET),
    merge(ONE_WIDGET, { metadata: { finalizers: null } }),
    get(ONE_WIDGET),
  ),
  story(
    'add a finalizer too late',
    post(CONFIG_MAPS, configMap('c', {}, HELD)),
    remove(ONE_MAP),
    merge(ONE_MAP, { metadata: { finalizers: ['example.com/hold', 'example.com/late'] } }),
  ),
  story(
    'delete in the foreground',
    post(WIDGETS, widget('w')),
    remove(ONE_WIDGET, { propagationPolicy: 'Foreground' }),
  ),
  story(
    'delete by an orphaning policy',
    post(CONFIG_MAPS, configMap('c')),
    remove(`${ONE_MAP}?propagationPolicy=Orphan`),
  ),
  story(
    'delete by a policy that is none',
    post(WIDGETS, widget('w')),
    remove(ONE_WIDGET, { propagationPolicy: 'Sideways' }),
  ),
  story(
    'delete by two policies at once',
    post(WIDGETS, widget('w')),
    remove(ONE_WIDGET, { propagationPolicy: 'Orphan', orphanDependents: true }),
  ),
  story(
    'delete another uid',
    post(WIDGETS, widget('w')),
    remove(ONE_WIDGET, { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } }),
  ),
  story(
    'delete another version',
    post(WIDGETS, widget('w')),
    remove(ONE_WIDGET, { preconditions: { resourceVersion: '1' } }),
  ),
  story(
    'delete this uid',
    post(WIDGETS, widget('w')),
    remove(ONE_WIDGET, { preconditions: { uid: '{uid}', resourceVersion: '{rv}' } }),
  ),
  story(
    'delete a collection',
    post(WIDGETS, widget('a', {}, { labels: { x: '1' } })),
    post(WIDGETS, widget('b')),
    remove(`${WIDGETS}?labelSelector=x%3D1`),
    get(WIDGETS),
  ),
  story(
    'delete a collection of a built-in kind',
    post(CONFIG_MAPS, configMap('a')),
    remove(CONFIG_MAPS),
    get(CONFIG_MAPS),
  ),
];

/** Dry runs, field validation and other options of writes. */
export const optionsOfWrites: readonly Case[] = [
  story('dry-run create', post(`${WIDGETS}?dryRun=All`, widget('w')), get(ONE_WIDGET)),
  story('dry-run create that fails', post(`${WIDGETS}?dryRun=All`, widget('w', { colour: 'mauve' }))),
  story(
    'dry-run replace',
    post(CONFIG_MAPS, configMap('c')),
    put(`${ONE_MAP}?dryRun=All`, configMap('c', { b: '2' })),
    get(ONE_MAP),
  ),
  story('dry-run delete', post(WIDGETS, widget('w')), remove(`${ONE_WIDGET}?dryRun=All`), get(ONE_WIDGET)),
  story('dry run of a kind that is none', post(`${WIDGETS}?dryRun=Some`, widget('w'))),
  story('a manager that is named', post(`${CONFIG_MAPS}?fieldManager=someone`, configMap('c'))),
  story(
    'a manager with too long a name',
    post(`${CONFIG_MAPS}?fieldManager=${'m'.repeat(129)}`, configMap('c')),
  ),
  story('field validation that is none', post(`${WIDGETS}?fieldValidation=Perhaps`, widget('w'))),
  story('force where it is not applied', post(WIDGETS, widget('w')), {
    ...merge(`${ONE_WIDGET}?force=true`, {}),
  }),
  ...['Strict', 'Warn', 'Ignore'].flatMap((mode) => [
    story(
      `unknown fields, ${mode}`,
      post(
        `${WIDGETS}?fieldValidation=${mode}`,
        widget('w', { shape: 'round', parts: [{ name: 'a', odd: 1 }] }),
      ),
    ),
    story(
      `unknown fields of a built-in kind, ${mode}`,
      post(`${CONFIG_MAPS}?fieldValidation=${mode}`, { ...configMap('c'), dada: {} }),
    ),
    story(
      `unknown metadata, ${mode}`,
      post(`${WIDGETS}?fieldValidation=${mode}`, widget('w', {}, { lables: {} })),
    ),
    story(
      `doubled fields, ${mode}`,
      post(
        `${WIDGETS}?fieldValidation=${mode}`,
        '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"colour":"red","colour":"blue"}}',
      ),
    ),
    story(
      `doubled fields of a built-in kind, ${mode}`,
      post(
        `${CONFIG_MAPS}?fieldValidation=${mode}`,
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1","a":"2"}}',
      ),
    ),
    story(
      `patch with unknown fields, ${mode}`,
      post(WIDGETS, widget('w')),
      merge(`${ONE_WIDGET}?fieldValidation=${mode}`, { spec: { shape: 'round' } }),
    ),
  ]),
];

/** Objects that break a rule, and bodies that are no objects. */
export const badObjects: readonly Case[] = [
  story('a value that is none of the enum', post(WIDGETS, widget('w', { colour: 'mauve' }))),
  story('a required field that is missing', post(WIDGETS, bareWidget('w', {}))),
  story('no spec', post(WIDGETS, { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' } })),
  story('a wrong type', post(WIDGETS, widget('w', { replicas: 'two' }))),
  story('a string for an object', post(WIDGETS, bareWidget('w', 'green'))),
  story('too big a number', post(WIDGETS, widget('w', { replicas: 101 }))),
  story('too long a string', post(WIDGETS, widget('w', { note: 'x'.repeat(21) }))),
  story(
    'too many items',
    post(WIDGETS, widget('w', { parts: Array.from({ length: 9 }, (_, i) => ({ name: `p${i}` })) })),
  ),
  story('an item twice', post(WIDGETS, widget('w', { parts: [{ name: 'a' }, { name: 'a' }] }))),
  story('a null where none may be', post(WIDGETS, widget('w', { note: null, size: null }))),
  story('a broken CEL rule', post(WIDGETS, widget('w', { colour: 'red', replicas: 11 }))),
  story(
    'a broken transition rule',
    post(WIDGETS, widget('w', { note: 'x' })),
    merge(ONE_WIDGET, { spec: { note: null } }),
  ),
  story(
    'several errors',
    post(WIDGETS, widget('w', { colour: 'mauve', replicas: -1, note: 7 }, { labels: { 'a b': '' } })),
  ),
  story('a number in a config map', post(CONFIG_MAPS, configMap('c', { a: 1 }))),
  story('a boolean in a config map', post(CONFIG_MAPS, configMap('c', { a: true }))),
  story('a list for a map', post(CONFIG_MAPS, configMap('c', ['a']))),
  story('a string for a flag', post(CONFIG_MAPS, { ...configMap('c'), immutable: 'yes' })),
  story('a bad key', post(CONFIG_MAPS, configMap('c', { 'a b': '1' }))),
  story('bad base64', post(SECRETS, secret({ data: { a: '!' } }))),
  story('labels that are no map', post(CONFIG_MAPS, configMap('c', {}, { labels: ['a'] }))),
  story('a name that is no string', post(WIDGETS, widget('w', {}, { name: 7 }))),
  story('no JSON', post(WIDGETS, '{"apiVersion": '), post(CONFIG_MAPS, '{"apiVersion": ')),
  story('JSON that is no object', post(WIDGETS, '[]'), post(CONFIG_MAPS, '"text"')),
  story('an empty body', post(WIDGETS, ''), post(CONFIG_MAPS, '')),
  story(
    'YAML',
    post(
      CONFIG_MAPS,
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: "1"}\n',
      'application/yaml',
    ),
  ),
  story('a media type that is none', post(WIDGETS, 'x', 'text/plain'), post(CONFIG_MAPS, 'x', 'text/plain')),
  story('an answer that is none', get(WIDGETS, 'text/html')),
];

function secret(fields: object): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, ...fields };
}

function account(name: string): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
}

function namespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

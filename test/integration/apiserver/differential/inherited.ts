/** Objects whose fields have the names of what every JavaScript object inherits. */

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
  remove,
  SECRETS,
  STRATEGIC_PATCH,
  type Step,
  story,
  WIDGETS,
  widget,
} from './case.ts';

const NAMES = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', '__proto__', '__defineGetter__'];

/** Computed, since a literal `__proto__` would be the prototype. */
const of = (name: string, value: unknown): object => ({ [name]: value });

const YAML = 'application/yaml';
const GIZMOS = '/apis/example.com/v1/namespaces/{ns}/gizmos';

function gizmo(name: string, spec: object): object {
  return { apiVersion: 'example.com/v1', kind: 'Gizmo', metadata: { name }, spec: { fixed: 'a', ...spec } };
}

/** The object by every way of writing, with such a name in a map of strings. */
function inData(name: string): readonly Step[] {
  const one = `${CONFIG_MAPS}/c`;
  const holding = (value: string) => configMap('c', of(name, value));
  return [
    post(CONFIG_MAPS, configMap('c')),
    put(one, holding('1')),
    merge(one, { data: of(name, '2') }),
    merge(one, { data: of(name, null) }),
    patch(STRATEGIC_PATCH, one, { data: of(name, '3') }),
    patch(STRATEGIC_PATCH, one, { data: of(name, null) }),
    patch(JSON_PATCH, one, [{ op: 'add', path: `/data/${name}`, value: '4' }]),
    patch(JSON_PATCH, one, [{ op: 'copy', from: `/data/${name}`, path: '/data/copy' }]),
    patch(JSON_PATCH, one, [{ op: 'test', path: `/data/${name}`, value: '4' }]),
    patch(JSON_PATCH, one, [{ op: 'remove', path: `/data/${name}` }]),
    patch(JSON_PATCH, one, [{ op: 'remove', path: `/data/${name}` }]),
    patch(JSON_PATCH, one, [{ op: 'replace', path: `/data/${name}`, value: '5' }]),
    apply(one, 'm1', holding('6')),
    apply(one, 'm2', holding('7')),
    apply(one, 'm2', holding('7'), '&force=true'),
    apply(one, 'm2', configMap('c', { other: '8' })),
    get(one),
  ];
}

/** In the metadata, and what looks it up there. */
function inLabels(name: string): readonly Step[] {
  const path = (query: string) => `${CONFIG_MAPS}?labelSelector=${encodeURIComponent(query)}`;
  return [
    post(CONFIG_MAPS, configMap('plain')),
    post(CONFIG_MAPS, configMap('labelled', {}, { labels: of(name, 'a') })),
    post(CONFIG_MAPS, configMap('noted', {}, { annotations: of(name, 'a') })),
    ...[name, `!${name}`, `${name}=a`, `${name}!=a`, `${name} in (a)`, `a ${name} b`, `${name}>1`].map(
      (query) => get(path(query)),
    ),
    get(`${CONFIG_MAPS}?fieldSelector=${name}%3Da`),
    merge(`${CONFIG_MAPS}/plain`, of(name, { a: 1 })),
    merge(`${CONFIG_MAPS}/plain`, { metadata: of(name, 'x') }),
    apply(`${CONFIG_MAPS}/noted`, 'm', configMap('noted', {}, { annotations: of(name, 'c') })),
  ];
}

/** In objects with schemas of their own, which know the name, know it not, or take any. */
function inSchemas(name: string): readonly Step[] {
  const widgets = `${WIDGETS}?fieldValidation=`;
  return [
    post(`${widgets}Warn`, widget('w', of(name, 'a'))),
    post(`${widgets}Strict`, widget('s', of(name, 'a'))),
    merge(`${WIDGETS}/w`, { spec: of(name, 'a') }),
    apply(`${WIDGETS}/w`, 'm', widget('w', of(name, 'a'))),
    ...['granularMap', 'atomicMap', 'raw', 'partly'].flatMap((field) => {
      const value = field === 'atomicMap' ? 'a' : 1;
      const plural = `${GIZMOS}/${field.toLowerCase()}`;
      const made = gizmo(field.toLowerCase(), { [field]: of(name, value) });
      const other = gizmo(field.toLowerCase(), { [field]: { b: value } });
      return [
        post(GIZMOS, made),
        merge(plural, { spec: { [field]: { b: value } } }),
        put(plural, made),
        apply(plural, 'm1', made),
        apply(plural, 'm2', other),
        apply(plural, 'm1', gizmo(field.toLowerCase(), {})),
        get(plural),
      ];
    }),
  ];
}

/** In what is no object of a kind with a schema. */
function elsewhere(name: string): readonly Step[] {
  return [
    post(`${CONFIG_MAPS}?fieldValidation=Strict`, { ...configMap('c'), ...of(name, {}) }),
    post(CONFIG_MAPS, `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'y'}\ndata: {${name}: a}\n`, YAML),
    post(SECRETS, { metadata: { name: 's' }, stringData: of(name, 'a') }),
    remove(`${CONFIG_MAPS}/y`, of(name, 'a')),
    get(`/apis/example.com/v1/namespaces/{ns}/${name}`),
    get(`/apis/${name}/v1`),
    get(`${WIDGETS}?fieldSelector=${name}%3Da`),
    get(CONFIG_MAPS, `application/json;as=${name};v=v1;g=meta.k8s.io`),
    patch(name, `${CONFIG_MAPS}/y`, {}),
    get(`${CONFIG_MAPS}?${name}=a&resourceVersionMatch=${name}&resourceVersion=0`),
    post(`${CONFIG_MAPS}?fieldValidation=${name}`, configMap('v')),
    post(`${CONFIG_MAPS}?dryRun=${name}`, configMap('v')),
    remove(`${CONFIG_MAPS}/y?propagationPolicy=${name}`),
  ];
}

/** Names that code finds in objects that have no such field. */
export const inherited: readonly Case[] = NAMES.flatMap((name) => [
  story(`a key of data called ${name}`, ...inData(name)),
  story(`a label called ${name}`, ...inLabels(name)),
  story(`a field called ${name}`, ...inSchemas(name)),
  story(`something called ${name}`, ...elsewhere(name)),
]);

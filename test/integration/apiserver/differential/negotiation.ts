import {
  accepting,
  apply,
  type Case,
  CONFIG_MAPS,
  configMap,
  get,
  PROTOBUF,
  part,
  patch,
  post,
  remove,
  STRATEGIC_PATCH,
  type Step,
  story,
  WIDGETS,
  widget,
} from './case.ts';

const TABLE = ';as=Table;v=v1;g=meta.k8s.io';
const METADATA = ';as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const METADATA_LIST = ';as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
const JSON_TYPE = 'application/json';
const YAML = 'application/yaml';
const MERGE = 'application/merge-patch+json';

const ACCEPTED = [
  '',
  ',',
  '*',
  '*/*',
  'application',
  'application/*',
  'text/*',
  'text/plain',
  'application/cbor',
  'Application/JSON',
  'application/JSON',
  YAML,
  'text/plain,*/*;q=0.1',
  'application/json;q=0',
  'application/json;q=odd',
  'application/json;pretty=1',
  'application/json;odd=1',
  'application/json;stream=watch',
  'application/json;stream=odd',
  'application/yaml;stream=watch',
  'application/json;sv=v1',
  'application/json;sv=v2',
  'application/json;as=Odd;v=v1;g=meta.k8s.io',
  'application/json;as=Table',
  'application/json;as=Table;v=v9;g=meta.k8s.io,application/json',
  `application/json;as=Table;v=v1beta1;g=meta.k8s.io`,
  `${JSON_TYPE}${TABLE}`,
  `${YAML}${TABLE}`,
  `${PROTOBUF}${TABLE},${JSON_TYPE}${TABLE}`,
  `${JSON_TYPE}${METADATA}`,
  `${JSON_TYPE}${METADATA_LIST}`,
  `${YAML}${METADATA}`,
  `${YAML}${METADATA_LIST}`,
  `${PROTOBUF}${METADATA},${JSON_TYPE}`,
  `${PROTOBUF},${JSON_TYPE}`,
  `${PROTOBUF};q=0.1,${JSON_TYPE}`,
  `${JSON_TYPE};q=0.5,${PROTOBUF}`,
  `${JSON_TYPE};q=0.5,${YAML};q=0.7,*/*`,
  `*/*;q=0.9,${YAML};q=0.1`,
];

/** What is asked for: of each, all that may stand in the header. */
const ASKED: readonly (readonly [what: string, step: Step])[] = [
  ['a built-in kind', get(`${CONFIG_MAPS}/one`)],
  ['a list of a built-in kind', get(CONFIG_MAPS)],
  ['what is not there', get(`${CONFIG_MAPS}/none`)],
  ['a custom resource', get(`${WIDGETS}/w`)],
  ['a list of custom resources', get(WIDGETS)],
  ['a custom resource that is not there', get(`${WIDGETS}/none`)],
  ['a scale', get(`${WIDGETS}/w/scale`)],
  ['a write', post(`${CONFIG_MAPS}?dryRun=All`, configMap('two'))],
  ['a deletion', remove(`${CONFIG_MAPS}/one?dryRun=All`)],
  [
    'a review',
    post('/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: 'x' },
    }),
  ],
  ['a group', get('/apis/coordination.k8s.io')],
  ['a group of custom resources', get('/apis/example.com')],
  ['the groups', part('/apis', kindOf)],
  ['the resources of a group', part('/apis/coordination.k8s.io/v1', kindOf)],
  ['the resources of a group of custom resources', part('/apis/example.com/v1', kindOf)],
  ['the version', part('/version', messageOf)],
];

/** Of discovery, what differs is which kinds there are. */
function kindOf(body: unknown): unknown {
  const { kind, message } = body as { kind?: string; message?: string };
  return { kind, message };
}

function messageOf(body: unknown): unknown {
  return (body as { message?: string }).message;
}

const negotiated = ASKED.map(([what, step]) =>
  story(
    `${what}, by every header Accept`,
    post(CONFIG_MAPS, configMap('one')),
    post(WIDGETS, widget('w')),
    ...ACCEPTED.map((accept) => accepting(accept, step)),
  ),
);

const WIDGET = JSON.stringify(widget('w'));
const MAP = JSON.stringify(configMap('c'));
const BODY_TYPES = [
  YAML,
  'application/yaml; charset=utf-8',
  'Application/YAML',
  'application/x-yaml',
  'text/yaml',
  'application/json; charset=utf-8',
  'application/json; charset="utf-8";',
  'application/json; charset',
  'application/json;',
  'application/json, application/yaml',
  'application/cbor',
  'json',
  '',
];
const PATCH_TYPES = [
  MERGE,
  `${MERGE}; charset=utf-8`,
  `${MERGE} ;charset=utf-8`,
  'Application/Merge-Patch+JSON',
  STRATEGIC_PATCH,
  'application/apply-patch+cbor',
  JSON_TYPE,
  YAML,
  '',
];

const contentTypes = [
  story(
    'bodies of every type',
    ...BODY_TYPES.flatMap((type) => [
      post(`${CONFIG_MAPS}?dryRun=All`, MAP, type),
      post(`${WIDGETS}?dryRun=All`, WIDGET, type),
    ]),
  ),
  story(
    'patches of every type',
    post(CONFIG_MAPS, configMap('c')),
    post(WIDGETS, widget('w')),
    ...PATCH_TYPES.flatMap((type) => [
      patch(type, `${CONFIG_MAPS}/c?dryRun=All`, '{}'),
      patch(type, `${WIDGETS}/w?dryRun=All`, '{}'),
    ]),
  ),
];

/** Keys that occur again: in maps in each other, over several lines, in JSON. */
const REPEATED: readonly (readonly [what: string, map: string, widget: string])[] = [
  ['on one line', 'data: {a: "1", a: "2"}\n', 'spec: {colour: red, colour: green}\n'],
  [
    'in several maps',
    'data:\n  a: "1"\ndata:\n  b: "2"\n  "b":\n    "3"\n',
    'spec:\n  colour: red\nspec:\n  colour: red\n  "colour": green\n',
  ],
  ['beside unknown ones', 'odd: 1\nodd: 2\ndata: {}\n', 'odd: 1\nspec: {colour: green, odd: 1, odd: 2}\n'],
];

function yamlOf(apiVersion: string, kind: string, rest: string): string {
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: yam}\n${rest}`;
}

const repeated = REPEATED.flatMap(([what, map, spec]) =>
  ['', 'Ignore', 'Warn', 'Strict'].map((validation) => {
    const query = `dryRun=All&fieldValidation=${validation}`;
    return story(
      `YAML with a key twice, ${what}, with field validation ${validation || 'as it is by itself'}`,
      post(`${CONFIG_MAPS}?${query}`, yamlOf('v1', 'ConfigMap', map), YAML),
      post(`${WIDGETS}?${query}`, yamlOf('example.com/v1', 'Widget', spec), YAML),
      ...(map.includes('odd')
        ? []
        : [
            apply(`${CONFIG_MAPS}/yam`, 'm', yamlOf('v1', 'ConfigMap', map), `&${query}`),
            apply(`${WIDGETS}/yam`, 'm', yamlOf('example.com/v1', 'Widget', spec), `&${query}`),
          ]),
    );
  }),
);

const options = 'apiVersion: v1\nkind: DeleteOptions\n';
const bodies = [
  story(
    'YAML that is no object, or several',
    ...['', '# nothing\n', '[]', '"x"', '7', 'yes', `${yamlOf('v1', 'ConfigMap', '')}---\nodd`].map((text) =>
      post(`${CONFIG_MAPS}?dryRun=All`, text, YAML),
    ),
    ...['[]', '"x"', '7', 'yes'].map((text) => post(`${WIDGETS}?dryRun=All`, text, YAML)),
    ...['[]', '"x"', '7', 'yes'].map((text) => apply(`${CONFIG_MAPS}/yam`, 'm', text)),
  ),
  story(
    'YAML as Go reads it',
    ...['yes', 'No', 'on', 'OFF', 'true', '0x1F', '1.5', '"yes"', '2026-01-01', '1:30', "'7'"].map((value) =>
      post(`${CONFIG_MAPS}?dryRun=All`, yamlOf('v1', 'ConfigMap', `data: {a: ${value}}\n`), YAML),
    ),
    post(`${CONFIG_MAPS}?dryRun=All`, yamlOf('v1', 'ConfigMap', 'data: {7: a, true: b, 1.5: c}\n'), YAML),
    post(
      `${CONFIG_MAPS}?dryRun=All`,
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yam, labels: &l {a: b}, annotations: {<<: *l, c: d}}\n',
      YAML,
    ),
  ),
  story(
    'YAML as options of a deletion',
    ...[`${options}dryRun: [All]\ndryRun: [All]\n`, `${options}dryRun: [None]\n`, '[]', 'kind: Odd\n'].map(
      (text) => ({
        ...remove(`${CONFIG_MAPS}/none`, text),
        type: YAML,
      }),
    ),
  ),
];

const DURATIONS = [
  '',
  '0',
  '10s',
  '-1s',
  '1h30m',
  '.5s',
  '1.s',
  '%2B5s',
  'invalid',
  '10',
  '1x',
  '1s2',
  '-',
  '1..s',
];
const PLACES = [
  '/api',
  '/version',
  '/healthz',
  '/openapi/v3',
  '/nothing',
  `${WIDGETS}/w`,
  '/apis/none.example.com/v1/x',
];

const timeouts = [
  story(
    'a timeout that is a duration, or none',
    ...DURATIONS.map((duration) => get(`${CONFIG_MAPS}?timeout=${duration}`)),
    ...PLACES.map((path) => get(`${path}?timeout=invalid`)),
    post(`${CONFIG_MAPS}?timeout=invalid`, configMap('c')),
    remove(`${CONFIG_MAPS}?timeout=invalid`),
    get(`${CONFIG_MAPS}?watch=1&timeoutSeconds=1&timeout=invalid`),
    get(`${CONFIG_MAPS}?timeoutSeconds=x`),
    get(`${CONFIG_MAPS}?timeoutSeconds=x&watch=1`),
    get(`${CONFIG_MAPS}?limit=x&watch=1`),
  ),
];

const rows = story(
  'a table with a part that does not exist',
  post(CONFIG_MAPS, configMap('c')),
  ...[`${CONFIG_MAPS}/c`, CONFIG_MAPS].map((path) =>
    get(`${path}?includeObject=Odd`, `${JSON_TYPE}${TABLE}`),
  ),
  get(`${CONFIG_MAPS}?includeObject=Odd&watch=1`, `${JSON_TYPE}${TABLE}`),
  get(`${CONFIG_MAPS}?includeObject=`, `${JSON_TYPE}${TABLE}`),
);

const root = story('the paths there are', part('/', commonPaths), part('/index.html', commonPaths));

/** Of the paths, those that both servers have. */
function commonPaths(body: unknown): unknown {
  const { paths } = body as { paths: string[] };
  return paths.filter((path) =>
    /^\/(api|api\/v1|apis|apis\/|apis\/(example\.com|coordination\.k8s\.io|rbac\.authorization\.k8s\.io)(\/v1)?|healthz|livez|readyz|openapi\/v[23]|version)$/.test(
      path,
    ),
  );
}

/** In which form a client sends, and gets, objects. */
export const negotiation: readonly Case[] = [
  ...negotiated,
  ...contentTypes,
  ...repeated,
  ...bodies,
  ...timeouts,
  rows,
  root,
];

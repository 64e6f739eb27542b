import {
  type Case,
  CONFIG_MAPS,
  cached,
  configMap,
  get,
  part,
  post,
  story,
  WIDGETS,
  widget,
} from './case.ts';
import { indexOf } from './openapi.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const PARTIAL = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const PARTIAL_LIST = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

const three = [
  post(WIDGETS, widget('a', { colour: 'red' }, { labels: { app: 'x', tier: 'front' } })),
  post(WIDGETS, widget('b', { colour: 'green', note: 'n' }, { labels: { app: 'x' } })),
  post(WIDGETS, widget('c', { colour: 'blue' }, { labels: { app: 'y' } })),
];
const maps = [
  post(CONFIG_MAPS, configMap('a', { a: '1' }, { labels: { app: 'x' } })),
  post(CONFIG_MAPS, configMap('b')),
  post(CONFIG_MAPS, configMap('c')),
];

function selected(name: string, query: string): Case {
  return story(`select ${name}`, ...three, part(`${WIDGETS}?${query}`, namesOf));
}

function namesOf(body: unknown): unknown {
  const { items } = body as { items?: { metadata: { name: string } }[] };
  return items === undefined ? body : items.map(({ metadata }) => metadata.name);
}

/** Lists, their selectors, pages and forms. */
export const lists: readonly Case[] = [
  story('list', ...three, get(WIDGETS)),
  story('list nothing', get(WIDGETS), get(CONFIG_MAPS)),
  story('list a built-in kind', ...maps, get(CONFIG_MAPS)),
  selected('by label', 'labelSelector=app%3Dx'),
  selected('by the absence of a label', 'labelSelector=!tier'),
  selected('by a set', 'labelSelector=app+in+(x,y),tier+notin+(front)'),
  selected('by inequality', 'labelSelector=app!%3Dx'),
  selected('by a malformed label selector', 'labelSelector=app%3D%3D%3Dx'),
  selected('by a bad label value', 'labelSelector=app%3Da%20b'),
  selected('by name', 'fieldSelector=metadata.name%3Db'),
  selected('by a selectable field', 'fieldSelector=spec.colour!%3Dred'),
  selected('by a field that cannot be selected', 'fieldSelector=spec.note%3Dn'),
  selected('by a malformed field selector', 'fieldSelector=metadata.name'),
  story('select a built-in kind by a field it lacks', get(`${CONFIG_MAPS}?fieldSelector=data.a%3D1`)),
  story('page by page', ...three, get(`${WIDGETS}?limit=2`), get(`${WIDGETS}?limit=2&continue={continue}`)),
  story(
    'page by page, a built-in kind',
    ...maps,
    get(`${CONFIG_MAPS}?limit=1`),
    get(`${CONFIG_MAPS}?limit=5&continue={continue}`),
  ),
  story(
    'page by page, selected',
    ...three,
    get(`${WIDGETS}?limit=1&labelSelector=app%3Dx`),
    get(`${WIDGETS}?limit=1&labelSelector=app%3Dx&continue={continue}`),
  ),
  story('go on from nowhere', get(`${WIDGETS}?limit=2&continue=nonsense`)),
  story(
    'go on from a version',
    ...three,
    get(`${WIDGETS}?limit=2`),
    get(`${WIDGETS}?limit=2&resourceVersion={rv}&continue={continue}`),
  ),
  story('a limit that is none', get(`${WIDGETS}?limit=x`)),
  story('list from the future', get(`${WIDGETS}?resourceVersion=99999999`)),
  story(
    'list at any version',
    ...three,
    part(`${WIDGETS}?resourceVersion=0`, () => undefined),
  ),
  story(
    'list exactly one version',
    ...three,
    get(`${WIDGETS}?resourceVersion={rv}&resourceVersionMatch=Exact`),
  ),
  story('match without a version', get(`${WIDGETS}?resourceVersionMatch=Exact`)),
  story('match by a rule that is none', get(`${WIDGETS}?resourceVersion=1&resourceVersionMatch=Roughly`)),
  story('match version 0 exactly', get(`${WIDGETS}?resourceVersion=0&resourceVersionMatch=Exact`)),
  story('list as a table', ...three, get(WIDGETS, TABLE)),
  story('list as a table with objects', ...three, get(`${WIDGETS}?includeObject=Object`, TABLE)),
  story('list as a table without objects', ...three, get(`${WIDGETS}?includeObject=None`, TABLE)),
  story('list a built-in kind as a table', ...maps, get(CONFIG_MAPS, TABLE)),
  story('get as a table', ...three, get(`${WIDGETS}/a`, TABLE)),
  story('get a namespace as a table', get('/api/v1/namespaces/{ns}', TABLE)),
  story('list metadata only', ...three, get(WIDGETS, PARTIAL_LIST)),
  story('get metadata only', ...three, get(`${WIDGETS}/a`, PARTIAL)),
];

const NAMESPACES = ['namespaces', 'namespaces/finalize', 'namespaces/status'];
const SERVED = ['configmaps', 'secrets', 'serviceaccounts', 'events', ...NAMESPACES];

function resourcesNamed(names: readonly string[]) {
  return (body: unknown): unknown => {
    const { resources = [], ...rest } = body as { resources?: { name: string }[] };
    return { ...rest, resources: resources.filter(({ name }) => names.includes(name)) };
  };
}

function groupNamed(group: string) {
  return (body: unknown): unknown => {
    const { groups = [], ...rest } = body as { groups?: { name: string }[] };
    return { ...rest, groups: groups.filter(({ name }) => name === group) };
  };
}

/** Those that both serve before any case defines others. */
const GROUPS = [
  ...['apiextensions', 'authentication', 'authorization', 'coordination', 'events', 'rbac.authorization'].map(
    (name) => `${name}.k8s.io`,
  ),
  'example.com',
  'coppice.dev',
];

function groupsInOrder(body: unknown): string[] {
  const { groups = [], items = [] } = body as {
    groups?: { name: string }[];
    items?: { metadata: { name: string } }[];
  };
  const names = [...groups, ...items.map(({ metadata }) => metadata)].map(({ name }) => name);
  return names.filter((name) => GROUPS.includes(name));
}

interface Version {
  readonly resources: readonly { resource: string }[];
}

function aggregatedGroup(group: string) {
  return (body: unknown): unknown => {
    const { items = [], ...rest } = body as {
      items?: { metadata: { name: string }; versions: Version[] }[];
    };
    // Definitions have no order among each other.
    const sorted = (version: Version) => ({
      ...version,
      resources: version.resources.toSorted((a, b) => (a.resource < b.resource ? -1 : 1)),
    });
    const ours = items.filter(({ metadata }) => metadata.name === group);
    return { ...rest, items: ours.map((item) => ({ ...item, versions: item.versions.map(sorted) })) };
  };
}

function namespacesOf(body: unknown): unknown {
  const { items } = body as { items: { versions: Version[] }[] };
  const resources = items[0]?.versions[0]?.resources ?? [];
  return resources.find(({ resource }) => resource === 'namespaces');
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
const PROTOBUF_V2 = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
const FORM_NAMES = new Map<string | undefined, string>([
  [AGGREGATED, ', aggregated'],
  [PROTOBUF_V2, ', as protobuf'],
]);

function nothing(): undefined {
  return undefined;
}

/** What the server says of itself. */
export const discovery: readonly Case[] = [
  story('discover the core group', part('/api/v1', resourcesNamed(SERVED))),
  story('discover leases', part('/apis/coordination.k8s.io/v1', resourcesNamed(['leases']))),
  story('discover the events of their own group', part('/apis/events.k8s.io/v1', resourcesNamed(['events']))),
  story(
    'discover definitions',
    part(
      '/apis/apiextensions.k8s.io/v1',
      resourcesNamed(['customresourcedefinitions', 'customresourcedefinitions/status']),
    ),
  ),
  story(
    'discover custom resources',
    part('/apis/example.com/v1', resourcesNamed(['widgets', 'widgets/status', 'widgets/scale'])),
  ),
  story('discover a custom group', get('/apis/example.com')),
  story('discover groups', part('/apis', groupNamed('example.com'))),
  story('the order of groups', part('/apis', groupsInOrder), part('/apis', groupsInOrder, AGGREGATED)),
  story(
    'discover the legacy versions',
    part('/api', (body) => ({ ...(body as object), serverAddressByClientCIDRs: [] })),
  ),
  ...GROUPS.map((group) =>
    story(`discover aggregated: ${group}`, part('/apis', aggregatedGroup(group), AGGREGATED)),
  ),
  story('discover aggregated: namespaces', part('/api', namespacesOf, AGGREGATED)),
  story('discover a group that is not there', get('/apis/nowhere.example')),
  story('OpenAPI of custom resources', get('/openapi/v3/apis/example.com/v1')),
  story('OpenAPI of our kinds', get('/openapi/v3/apis/coppice.dev/v1alpha1')),
  story('OpenAPI: the index', part('/openapi/v3', indexOf('coppice.dev', 'example.com'))),
  ...[
    ['/openapi/v3/apis/coppice.dev/v1alpha1'],
    ['/openapi/v2'],
    ['/openapi/v2', PROTOBUF_V2],
    ['/apis/coppice.dev/v1alpha1'],
    ['/apis/coppice.dev'],
    ['/api/v1'],
    ['/apis'],
    ['/api'],
    ['/apis', AGGREGATED],
    ['/api', AGGREGATED],
  ].map(([path = '', accept]) =>
    story(
      `asked again with its ETag: ${path}${FORM_NAMES.get(accept) ?? ''}`,
      cached(part(path, nothing, accept)),
      {
        ...cached(part(path, nothing)),
        headers: { ...(accept === undefined ? {} : { Accept: accept }), 'If-None-Match': '{etag}' },
      },
    ),
  ),
  story(
    'OpenAPI in a form that there is not',
    get('/openapi/v2', 'text/plain'),
    get('/openapi/v3/apis/example.com/v1', 'text/plain'),
    get('/openapi/v3/apis/example.com/v1', PROTOBUF_V2),
    part('/openapi/v2', nothing, `text/plain, ${PROTOBUF_V2}`),
    part('/openapi/v2', nothing, 'application/*;q=0.5'),
  ),
  story(
    'OpenAPI v3 as protobuf',
    part(
      '/openapi/v3/apis/example.com/v1',
      nothing,
      'application/com.github.proto-openapi.spec.v3@v1.0+protobuf',
    ),
  ),
  story('OpenAPI of nothing', get('/openapi/v3/apis/nowhere.example/v1')),
  story('probes', get('/healthz'), get('/readyz'), get('/livez')),
  story('a path that is none', get('/nowhere')),
];

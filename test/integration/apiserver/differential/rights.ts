/**
 * What somebody may do who has rights to one object, or to one namespace: each request is made in every form in which its URL may
 * speak of more, or of something else.
 */

import { ann, asSoonAsMay, bind, clusterRole, role, user } from './access-terms.ts';
import {
  as,
  type Case,
  CONFIG_MAPS,
  configMap,
  get,
  patch,
  post,
  put,
  quietly,
  remove,
  SECRETS,
  type Step,
  story,
  WIDGETS,
  watch,
  widget,
} from './case.ts';

const TERMS = ['metadata.name=mine', 'metadata.name==mine', 'metadata.name!=mine', 'metadata.name=other'];
const OTHER_TERMS = ['metadata.namespace={ns}', 'metadata.namespace!=x', 'metadata.namespace!=x\\'];

/** Field selectors that name one object, or only seem to. */
const SELECTORS: readonly string[] = [
  ...TERMS,
  ...OTHER_TERMS,
  ...OTHER_TERMS.flatMap((first) => TERMS.flatMap((then) => [`${first},${then}`, `${then},${first}`])),
  'metadata.name=mine,metadata.name=other',
  'metadata.name=,metadata.name=mine',
  'metadata.name=mine,',
  ',,metadata.name=mine',
  'metadata.name=mi\\ne',
  'metadata.name=mine\\',
  'metadata.name=mine=',
  'metadata.name =mine',
  'metadata.name= mine',
  'metadata.name=a/b',
  'metadata.name=.',
  'metadata.name=%25',
  'metadata.name',
  '=mine',
  '!=mine',
];

/** Query parameters beside a selector that names the object. */
const BESIDE: readonly string[] = [
  'labelSelector=!!',
  'labelSelector=a',
  'limit=x',
  'limit=1',
  'timeoutSeconds=x',
  'fieldSelector=metadata.name%3Dother',
  'watch=false',
  'watch=0',
  'resourceVersion=x',
];

const selecting = (path: string, selector: string) =>
  `${path}?fieldSelector=${encodeURIComponent(selector).replaceAll('%7Bns%7D', '{ns}')}`;

function withOneName(name: string, steps: readonly Step[]): Case {
  return story(
    name,
    ...['mine', 'other'].map((one) => quietly(post(CONFIG_MAPS, configMap(one)))),
    role('one', { apiGroups: [''], resources: ['configmaps'], verbs: ['*'], resourceNames: ['mine'] }),
    bind(user('ann'), 'Role', 'one'),
    asSoonAsMay('ann', get(`${CONFIG_MAPS}/mine`)),
    ...steps.map(ann),
  );
}

const oneName: readonly Case[] = [
  ...SELECTORS.map((selector) =>
    withOneName(`rights to one name, and ${selector}`, [
      get(selecting(CONFIG_MAPS, selector)),
      watch(`${selecting(CONFIG_MAPS, selector)}&timeoutSeconds=1`, 1),
      get(selecting('/api/v1/configmaps', selector)),
      post(selecting(CONFIG_MAPS, selector), configMap('new')),
      put(selecting(CONFIG_MAPS, selector), configMap('mine')),
      patch('application/merge-patch+json', selecting(CONFIG_MAPS, selector), {}),
      get(selecting(`${CONFIG_MAPS}/other`, selector)),
      remove(selecting(CONFIG_MAPS, selector)),
    ]),
  ),
  ...BESIDE.map((query) =>
    withOneName(`rights to one name, and ${query}`, [
      get(`${selecting(CONFIG_MAPS, 'metadata.name=mine')}&${query}`),
      get(`${CONFIG_MAPS}?${query}&fieldSelector=metadata.name%3Dmine`),
      remove(`${selecting(CONFIG_MAPS, 'metadata.name=mine')}&${query}`),
    ]),
  ),
];

/** Paths by which one could try to leave the namespace {ns}, or to be let in by a name that is none. */
const PATHS: readonly string[] = [
  '/api/v1/namespaces/{ns}/namespaces',
  '/api/v1/namespaces/{ns}/namespaces/{ns}',
  '/api/v1/namespaces/{ns}/namespaces/default',
  '/api/v1/namespaces/{ns}/namespaces/default/status',
  '/api/v1/namespaces/{ns}/namespaces/default/configmaps',
  '/api/v1/namespaces/{ns}%2Fconfigmaps',
  '/api/v1/namespaces/{ns}/configmaps/a%2Fb',
  '/api/v1/namespaces/{ns}/configmaps/a/b/c',
  '/api/v1//namespaces/{ns}/configmaps',
  '/api/v1/namespaces/{ns}//configmaps',
  '/api/v1/namespaces/{ns}/configmaps//x',
  '/api/v1/namespaces/{ns}/configmaps/',
  '/api/v1/namespaces/{ns}/configmaps/x/',
  '/api/v1/namespaces/{ns}/configmaps/x//',
  '/api/v1/namespaces/{ns}/customresourcedefinitions',
  '/apis/apiextensions.k8s.io/v1/namespaces/{ns}/customresourcedefinitions',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/clusterroles',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/clusterroles/cluster-admin',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/clusterrolebindings',
  '/apis/example.com/v1/namespaces/{ns}/widgets/w/nothing',
  '/apis/example.com/v1/namespaces/{ns}/widgets/w/status/x',
  '/apis/example.com/v1/namespaces/{ns}/Widgets',
];

/** Paths with a segment that is missing: who may do everything in one namespace may send none of them. */
const GAPS: readonly string[] = [
  '/api/v1/namespaces//configmaps',
  '/api/v1/namespaces//configmaps/x',
  '/apis/example.com/v1/namespaces//widgets',
];

/** Reviews at places where they are not posted. */
const REVIEWS: readonly string[] = ['subjectaccessreviews', 'selfsubjectrulesreviews'].flatMap((plural) => [
  `/apis/authorization.k8s.io/v1/namespaces/{ns}/${plural}`,
  `/apis/authorization.k8s.io/v1/${plural}/x`,
  `/apis/authorization.k8s.io/v1/${plural}/x/status`,
]);

const review = { spec: { user: 'bea', resourceAttributes: { verb: 'get', resource: 'secrets' } } };

/** Somebody who may do everything in one namespace, and the administrator, for whom the path alone decides. */
function byBoth(path: string, method: Step['method'], body?: object): readonly Step[] {
  const step: Step = { method, path, body };
  return [ann(step), { ...step, headers: {} }];
}

function inOneNamespace(name: string, steps: readonly Step[]): Case {
  return story(
    name,
    quietly(post(CONFIG_MAPS, configMap('x'))),
    quietly(post(WIDGETS, widget('w'))),
    role('all', { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }),
    bind(user('ann'), 'Role', 'all'),
    asSoonAsMay('ann', quietly(get(CONFIG_MAPS))),
    ...steps,
  );
}

const oneNamespace: readonly Case[] = [
  ...PATHS.map((path) =>
    inOneNamespace(`rights to one namespace, and ${path}`, [
      ...byBoth(path, 'GET'),
      ...byBoth(path, 'POST', {}),
      ...byBoth(path, 'PUT', configMap('x')),
      ...byBoth(path, 'PATCH', {}),
      ann(remove(path)),
    ]),
  ),
  ...GAPS.map((path) =>
    inOneNamespace(`rights to one namespace, and ${path}`, [
      ...[get(path), post(path, {}), put(path, {}), remove(path)].map(ann),
    ]),
  ),
  ...[
    ...REVIEWS,
    '/apis/authentication.k8s.io/v1/namespaces/{ns}/tokenreviews',
    '/apis/authorization.k8s.io/v1/localsubjectaccessreviews',
    '/apis/authorization.k8s.io/v1/namespaces//localsubjectaccessreviews',
  ].map((path) =>
    inOneNamespace(`rights to one namespace, and ${path}`, [
      ...byBoth(path, 'POST', review),
      ...byBoth(path, 'GET'),
    ]),
  ),
];

const URLS: readonly string[] = ['/api', '/api/', '//api', '/apis', '/apis/', '/version/', '/nowhere', '/'];

/** Paths that are no resources, by somebody who may see some of them. */
const urls: readonly Case[] = URLS.map((path) =>
  story(
    `a path that is no resource: ${path}`,
    clusterRole('{ns}-urls', { nonResourceURLs: [path], verbs: ['get'] }),
    { ...ann(get(path)), view: (body) => (path === '/nowhere' ? body : undefined) },
    ann(quietly(post(path, {}))),
  ),
);

const IMPERSONATED: readonly Readonly<Record<string, string | string[]>>[] = [
  { 'Impersonate-Uid': 'u' },
  { 'Impersonate-Extra-Scopes': 's' },
  { 'Impersonate-User': 'bea', 'Impersonate-Uid': 'u' },
  { 'Impersonate-User': 'bea', 'Impersonate-Extra-Scopes': ['a', 'b'], 'Impersonate-Extra-X%2fy': 'z' },
  { 'Impersonate-User': 'bea', 'Impersonate-Group': 'system:unauthenticated' },
  { 'Impersonate-User': 'system:anonymous' },
  { 'Impersonate-User': 'system:anonymous', 'Impersonate-Group': 'g' },
  { 'Impersonate-User': 'system:serviceaccount:a:b:c' },
  { 'Impersonate-User': 'system:serviceaccount:A:b' },
  { 'Impersonate-User': 'system:serviceaccount::b' },
  { 'Impersonate-User': 'system:serviceaccount:{ns}:bot', 'Impersonate-Group': 'g' },
];

const whoAmI = post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'SelfSubjectReview',
});

/** Every header that says on whose behalf a request is made. */
const impersonated: readonly Case[] = IMPERSONATED.map((headers) =>
  story(`on behalf of ${JSON.stringify(headers)}`, { ...whoAmI, headers }),
);

/** Requests of which authorization and handler could think differently. */
export const rights: readonly Case[] = [
  ...oneName,
  ...oneNamespace,
  ...urls,
  ...impersonated,
  story(
    'rights to one name of secrets, and a selector with an escaped comma',
    ...['mine', 'other'].map((name) => quietly(post(SECRETS, { metadata: { name } }))),
    role('one', { apiGroups: [''], resources: ['secrets'], verbs: ['*'], resourceNames: ['mine'] }),
    bind(user('ann'), 'Role', 'one'),
    asSoonAsMay('ann', get(`${SECRETS}/mine`)),
    ...['type!=x\\,metadata.name=mine', 'type!=x,metadata.name=mine', 'type=Opaque'].flatMap((selector) => [
      as('ann', get(selecting(SECRETS, selector))),
      as('ann', watch(selecting(SECRETS, selector), 1)),
      as('ann', remove(selecting(SECRETS, selector))),
    ]),
  ),
];

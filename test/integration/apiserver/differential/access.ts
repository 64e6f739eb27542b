import {
  account,
  ann,
  asBot,
  asSoonAsMay,
  BINDINGS,
  bind,
  bindEverywhere,
  clusterRole,
  maps,
  READ,
  role,
  user,
  widgets,
} from './access-terms.ts';
import {
  apply,
  as,
  type Case,
  CONFIG_MAPS,
  configMap,
  get,
  merge,
  part,
  post,
  put,
  quietly,
  remove,
  SECRETS,
  story,
  WIDGETS,
  watch,
  widget,
} from './case.ts';

const REVIEWS = '/apis/authorization.k8s.io/v1';

const requests: readonly Case[] = [
  story(
    'nobody may do anything',
    ann(get(WIDGETS)),
    ann(post(WIDGETS, widget('w'))),
    ann(get(`${WIDGETS}/w`)),
  ),
  story(
    'nobody may do anything at the cluster scope',
    ann(get('/api/v1/namespaces')),
    ann(get('/api/v1/configmaps')),
  ),
  story(
    'nobody may change or delete',
    ann(merge(`${WIDGETS}/w`, {})),
    ann(put(`${WIDGETS}/w`, widget('w'))),
    ann(remove(WIDGETS)),
    ann(remove(`${WIDGETS}/w`)),
  ),
  story(
    'nobody may touch subresources',
    ann(get(`${WIDGETS}/w/status`)),
    ann(merge(`${WIDGETS}/w/scale`, {})),
  ),
  story('nobody may watch', ann({ ...get(`${WIDGETS}?watch=1`) })),
  story('nobody may ask for an unknown kind', ann(get('/apis/example.com/v1/namespaces/{ns}/nothings'))),
  story(
    'everybody may discover',
    ann(part('/api', () => 'seen')),
    ann(part('/apis', () => 'seen')),
    ann(part('/openapi/v3', () => 'seen')),
  ),
  story('a path that only masters see', ann(get('/metrics')), ann(get('/logs')), ann(get('/nowhere'))),
  story(
    'a role of the namespace',
    role('reader', widgets(...READ)),
    bind(user('ann'), 'Role', 'reader'),
    quietly(post(WIDGETS, widget('w'))),
    asSoonAsMay('ann', get(`${WIDGETS}/w`)),
    ann(get(WIDGETS)),
    ann(post(WIDGETS, widget('v'))),
    ann(remove(`${WIDGETS}/w`)),
    ann(get(CONFIG_MAPS)),
    ann(get('/apis/example.com/v1/widgets')),
    ann(get('/apis/example.com/v1/namespaces/default/widgets')),
  ),
  story(
    'a watch that one may',
    role('reader', maps(...READ)),
    bind(user('ann'), 'Role', 'reader'),
    asSoonAsMay('ann', get(CONFIG_MAPS)),
    ann(watch(`${CONFIG_MAPS}?resourceVersion={rv}`, 1, post(CONFIG_MAPS, configMap('c')))),
  ),
  story(
    'a cluster role in one namespace',
    clusterRole('{ns}-reader', maps('get', 'list')),
    bind(user('ann'), 'ClusterRole', '{ns}-reader'),
    asSoonAsMay('ann', get(CONFIG_MAPS)),
    ann(get('/api/v1/namespaces/default/configmaps')),
    ann(get('/api/v1/configmaps')),
  ),
  story(
    'a cluster role everywhere',
    clusterRole('{ns}-all', maps('list')),
    bindEverywhere(user('{ns}-ann'), '{ns}-all'),
    asSoonAsMay(
      '{ns}-ann',
      part(`${CONFIG_MAPS}`, () => 'seen'),
    ),
    as(
      '{ns}-ann',
      part('/api/v1/configmaps', () => 'seen'),
    ),
    as('{ns}-ann', get('/api/v1/secrets')),
  ),
  story(
    'a role for a group',
    role('g', maps('list')),
    bind({ kind: 'Group', name: 'devs' }, 'Role', 'g'),
    { ...as('bea', get(CONFIG_MAPS), 'devs'), until: (status) => status === 200 },
    as('bea', get(CONFIG_MAPS), 'ops'),
  ),
  story(
    'a role for a service account',
    role('sa', maps('list')),
    bind(account('bot'), 'Role', 'sa'),
    asSoonAsMay('system:serviceaccount:{ns}:bot', get(CONFIG_MAPS)),
    asBot(get(SECRETS)),
    as('system:serviceaccount:other:bot', get(CONFIG_MAPS)),
  ),
  story(
    'a role for all service accounts of a namespace',
    role('sas', maps('list')),
    bind({ kind: 'Group', name: 'system:serviceaccounts:{ns}' }, 'Role', 'sas'),
    asSoonAsMay('system:serviceaccount:{ns}:any', get(CONFIG_MAPS)),
  ),
  story(
    'a role for one object by its name',
    quietly(post(CONFIG_MAPS, configMap('mine'))),
    quietly(post(CONFIG_MAPS, configMap('other'))),
    role('one', { ...maps('get', 'update', 'list', 'patch'), resourceNames: ['mine'] }),
    bind(user('ann'), 'Role', 'one'),
    asSoonAsMay('ann', get(`${CONFIG_MAPS}/mine`)),
    ann(get(`${CONFIG_MAPS}/other`)),
    ann(get(CONFIG_MAPS)),
    ann(get(`${CONFIG_MAPS}?fieldSelector=metadata.name%3Dmine`)),
    ann(get(`${CONFIG_MAPS}?fieldSelector=metadata.name%3Dother`)),
    ann(merge(`${CONFIG_MAPS}/mine`, { data: { b: '2' } })),
  ),
  story(
    'a role for a subresource only',
    quietly(post(WIDGETS, widget('w'))),
    role('sub', { apiGroups: ['example.com'], resources: ['widgets/status'], verbs: ['get', 'patch'] }),
    bind(user('ann'), 'Role', 'sub'),
    asSoonAsMay('ann', merge(`${WIDGETS}/w/status`, { status: { replicas: 1 } })),
    ann(get(`${WIDGETS}/w`)),
    ann(get(`${WIDGETS}/w/scale`)),
  ),
  story(
    'a role for every subresource of a name',
    quietly(post(WIDGETS, widget('w'))),
    role('scales', { apiGroups: ['*'], resources: ['*/scale'], verbs: ['*'] }),
    bind(user('ann'), 'Role', 'scales'),
    asSoonAsMay('ann', merge(`${WIDGETS}/w/scale`, { spec: { replicas: 2 } })),
    ann(get(`${WIDGETS}/w/status`)),
  ),
  story('a binding to no role', bind(user('ann'), 'ClusterRole', '{ns}-missing'), {
    ...ann(get(CONFIG_MAPS)),
    until: (_, body) => JSON.stringify(body).includes('clusterrole'),
  }),
  story(
    'a role taken away',
    role('r', maps('list')),
    bind(user('ann'), 'Role', 'r'),
    asSoonAsMay('ann', get(CONFIG_MAPS)),
    quietly(remove(`${BINDINGS}/r`)),
    { ...ann(get(CONFIG_MAPS)), until: (status) => status === 403 },
  ),
  story(
    'apply creates only for those who may create',
    role('p', maps('patch', 'get')),
    bind(user('ann'), 'Role', 'p'),
    {
      ...ann(apply(`${CONFIG_MAPS}/c`, 'm', configMap('c'))),
      until: (_, body) => !JSON.stringify(body).includes('cannot patch'),
    },
    quietly(post(CONFIG_MAPS, configMap('c'))),
    ann(apply(`${CONFIG_MAPS}/c`, 'm', configMap('c', { b: '2' }))),
  ),
];

const impersonation: readonly Case[] = [
  story('a group without a user', { ...get(CONFIG_MAPS), headers: { 'Impersonate-Group': 'g' } }),
  story(
    'somebody who is impersonated may not impersonate',
    ann(
      post(`${REVIEWS}/selfsubjectaccessreviews`, {
        spec: { resourceAttributes: { verb: 'impersonate', resource: 'users' } },
      }),
    ),
  ),
  story(
    'who am I',
    ann(
      post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
      }),
    ),
  ),
  story(
    'who am I with groups',
    as(
      'ann',
      post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
      }),
      'a',
      'b',
    ),
  ),
  story(
    'who am I as a service account',
    asBot(
      post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
      }),
    ),
  ),
];

/** Who may do what: requests allowed and refused, and impersonation. */
export const access: readonly Case[] = [...requests, ...impersonation];

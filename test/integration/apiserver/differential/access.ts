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
  type Step,
  story,
  until,
  WIDGETS,
  watch,
  widget,
} from './case.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/{ns}/roles`;
const BINDINGS = `${RBAC}/namespaces/{ns}/rolebindings`;
const CLUSTER_ROLES = `${RBAC}/clusterroles`;
const CLUSTER_BINDINGS = `${RBAC}/clusterrolebindings`;
const REVIEWS = '/apis/authorization.k8s.io/v1';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

type Rule = Readonly<Record<string, readonly string[]>>;

const READ = ['get', 'list', 'watch'];
const widgets = (...verbs: string[]): Rule => ({ apiGroups: ['example.com'], resources: ['widgets'], verbs });
const maps = (...verbs: string[]): Rule => ({ apiGroups: [''], resources: ['configmaps'], verbs });
const user = (name: string) => ({ kind: 'User', name });
const account = (name: string, namespace = '{ns}') => ({ kind: 'ServiceAccount', name, namespace });

function rbac(kind: string, name: string, fields: object): object {
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name }, ...fields };
}

function role(name: string, ...rules: Rule[]): Step {
  return quietly(post(ROLES, rbac('Role', name, { rules })));
}

function clusterRole(name: string, ...rules: Rule[]): Step {
  return quietly(post(CLUSTER_ROLES, rbac('ClusterRole', name, { rules })));
}

const reference = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });

function bind(to: object, kind: string, name: string, bound = name): Step {
  return quietly(
    post(BINDINGS, rbac('RoleBinding', bound, { subjects: [to], roleRef: reference(kind, name) })),
  );
}

function bindEverywhere(to: object, name: string): Step {
  const fields = { subjects: [to], roleRef: reference('ClusterRole', name) };
  return quietly(post(CLUSTER_BINDINGS, rbac('ClusterRoleBinding', name, fields)));
}

/** Authorizers see a new role a moment later than its writer: asks until it may. */
function asSoonAsMay(who: string, step: Step): Step {
  return { ...as(who, step), until: (status) => status !== 403 };
}

const ann = (step: Step) => as('ann', step);
const asBot = (step: Step) => as('system:serviceaccount:{ns}:bot', step);

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

function review(kind: string, spec: object): object {
  return { apiVersion: 'authorization.k8s.io/v1', kind, spec };
}

function accessReview(spec: object): Step {
  return post(`${REVIEWS}/subjectaccessreviews`, review('SubjectAccessReview', spec));
}

const mayList = (namespace: string) => ({ namespace, verb: 'list', resource: 'configmaps' });

const reviews: readonly Case[] = [
  story(
    'reviews of access',
    role('r', maps('list')),
    bind(user('ann'), 'Role', 'r'),
    {
      ...accessReview({ user: 'ann', resourceAttributes: mayList('{ns}') }),
      until: (_, body) => (body as { status: { allowed: boolean } }).status.allowed,
    },
    accessReview({ user: 'ann', resourceAttributes: mayList('other') }),
    accessReview({ user: 'bea', resourceAttributes: mayList('{ns}') }),
    accessReview({ user: 'root', groups: ['system:masters'], resourceAttributes: mayList('{ns}') }),
    accessReview({
      user: 'ann',
      groups: ['system:authenticated'],
      nonResourceAttributes: { path: '/api', verb: 'get' },
    }),
    accessReview({ user: 'ann', nonResourceAttributes: { path: '/metrics', verb: 'get' } }),
  ),
  story(
    'reviews of nothing',
    accessReview({ user: 'ann' }),
    accessReview({ user: 'ann', resourceAttributes: {}, nonResourceAttributes: {} }),
  ),
  story('reviews of nobody', accessReview({ resourceAttributes: mayList('{ns}') })),
  story(
    'a review of oneself',
    post(
      `${REVIEWS}/selfsubjectaccessreviews`,
      review('SelfSubjectAccessReview', { resourceAttributes: mayList('{ns}') }),
    ),
    ann(
      post(
        `${REVIEWS}/selfsubjectaccessreviews`,
        review('SelfSubjectAccessReview', { resourceAttributes: mayList('{ns}') }),
      ),
    ),
  ),
  story(
    'a review of oneself of nothing',
    ann(post(`${REVIEWS}/selfsubjectaccessreviews`, review('SelfSubjectAccessReview', {}))),
  ),
  story(
    'a local review',
    post(`${REVIEWS}/namespaces/{ns}/localsubjectaccessreviews`, {
      ...review('LocalSubjectAccessReview', { user: 'ann', resourceAttributes: mayList('{ns}') }),
      metadata: { namespace: '{ns}' },
    }),
  ),
  story(
    'a local review of another namespace',
    post(`${REVIEWS}/namespaces/{ns}/localsubjectaccessreviews`, {
      ...review('LocalSubjectAccessReview', { user: 'ann', resourceAttributes: mayList('other') }),
      metadata: { namespace: '{ns}' },
    }),
  ),
  story('a review of the wrong kind', post(`${REVIEWS}/subjectaccessreviews`, review('TokenReview', {}))),
  story(
    'a token that is none',
    post('/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: 'x' },
    }),
  ),
  story(
    'a token review without a token',
    post('/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: {},
    }),
  ),
  story('who may review', ann(accessReview({ user: 'x', resourceAttributes: mayList('{ns}') }))),
  story(
    'reviews are not read',
    get(`${REVIEWS}/subjectaccessreviews`),
    get(`${REVIEWS}/subjectaccessreviews/x`),
  ),
];

const objects: readonly Case[] = [
  story(
    'roles',
    post(ROLES, rbac('Role', 'r:x', { rules: [widgets('get')] })),
    get(`${ROLES}/r:x`),
    get(ROLES),
    get(ROLES, TABLE),
    merge(`${ROLES}/r:x`, { rules: null }),
    remove(`${ROLES}/r:x`),
  ),
  story(
    'a role without rules',
    post(ROLES, rbac('Role', 'r', {})),
    put(`${ROLES}/r`, rbac('Role', 'r', { rules: [] })),
    get(`${ROLES}/r`),
  ),
  story(
    'roles that break rules',
    post(
      ROLES,
      rbac('Role', 'r', {
        rules: [
          {},
          { verbs: ['get'], nonResourceURLs: ['/x'], apiGroups: [''] },
          { verbs: ['get'], resources: ['x'] },
        ],
      }),
    ),
  ),
  story(
    'cluster roles that break rules',
    post(
      CLUSTER_ROLES,
      rbac('ClusterRole', '{ns}-r', {
        rules: [{}, { verbs: ['get'], nonResourceURLs: ['/x'], apiGroups: [''] }],
        aggregationRule: {},
      }),
    ),
  ),
  story(
    'a role with a bad name',
    post(ROLES, rbac('Role', 'a/b', { rules: [] })),
    post(ROLES, rbac('Role', 'A_b%', { rules: [] })),
  ),
  story(
    'a binding',
    post(
      BINDINGS,
      rbac('RoleBinding', 'b', {
        subjects: [user('ann'), account('bot'), { kind: 'Group', name: 'g' }],
        roleRef: { kind: 'Role', name: 'r' },
      }),
    ),
    get(BINDINGS, TABLE),
    get(`${BINDINGS}/b`),
  ),
  story(
    'a cluster binding',
    post(
      CLUSTER_BINDINGS,
      rbac('ClusterRoleBinding', '{ns}-b', {
        subjects: [account('bot')],
        roleRef: reference('ClusterRole', 'view'),
      }),
    ),
    get(`${CLUSTER_BINDINGS}/{ns}-b`, TABLE),
  ),
  story(
    'bindings that break rules',
    post(
      BINDINGS,
      rbac('RoleBinding', 'b', {
        subjects: [
          {},
          { kind: 'User', name: 'u', apiGroup: 'x' },
          { kind: 'ServiceAccount', name: 'A_' },
          { kind: 'Robot', name: 'r' },
        ],
        roleRef: { kind: 'Thing', name: '' },
      }),
    ),
  ),
  story(
    'a cluster binding that breaks rules',
    post(
      CLUSTER_BINDINGS,
      rbac('ClusterRoleBinding', '{ns}-b', {
        subjects: [{ kind: 'ServiceAccount', name: 'x' }],
        roleRef: { kind: 'Role', name: 'r' },
      }),
    ),
  ),
  story('a binding without a role', post(BINDINGS, rbac('RoleBinding', 'b', {}))),
  story(
    'a binding to another role',
    post(BINDINGS, rbac('RoleBinding', 'b', { roleRef: reference('Role', 'r') })),
    merge(`${BINDINGS}/b`, { roleRef: { name: 's' } }),
    put(
      `${BINDINGS}/b`,
      rbac('RoleBinding', 'b', { subjects: [user('x')], roleRef: reference('Role', 'r') }),
    ),
  ),
  story(
    'a role applied by two',
    apply(`${ROLES}/r`, 'm1', rbac('Role', 'r', { rules: [widgets('get')] })),
    apply(`${ROLES}/r`, 'm2', rbac('Role', 'r', { rules: [maps('get')] })),
    apply(`${ROLES}/r`, 'm2', rbac('Role', 'r', { rules: [maps('get')] }), '&force=true'),
  ),
  story(
    'a binding applied',
    apply(
      `${BINDINGS}/b`,
      'm1',
      rbac('RoleBinding', 'b', { subjects: [user('ann')], roleRef: reference('Role', 'r') }),
    ),
    apply(`${BINDINGS}/b`, 'm1', rbac('RoleBinding', 'b', { roleRef: reference('Role', 'r') })),
  ),
  story(
    'what everybody has',
    part(`${CLUSTER_ROLES}/system:discovery`, rulesOf),
    part(`${CLUSTER_ROLES}/system:basic-user`, rulesOf),
    part(`${CLUSTER_ROLES}/cluster-admin`, rulesOf),
    part(`${CLUSTER_ROLES}/system:public-info-viewer`, rulesOf),
  ),
  story(
    'bindings that everybody has',
    ...['cluster-admin', 'system:discovery', 'system:basic-user', 'system:public-info-viewer'].map((name) =>
      part(`${CLUSTER_BINDINGS}/${name}`, subjectsOf),
    ),
  ),
  story(
    'an aggregated role collects',
    quietly(
      post(CLUSTER_ROLES, {
        ...rbac('ClusterRole', '{ns}-part', { rules: [maps('get')] }),
        metadata: { name: '{ns}-part', labels: { part: '{ns}' } },
      }),
    ),
    quietly(
      post(
        CLUSTER_ROLES,
        rbac('ClusterRole', '{ns}-sum', {
          aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: '{ns}' } }] },
        }),
      ),
    ),
    until(`${CLUSTER_ROLES}/{ns}-sum`, ({ rules }: { rules: unknown }) => rules !== null, rulesOf),
    quietly(merge(`${CLUSTER_ROLES}/{ns}-part`, { rules: [widgets('get')] })),
    until(
      `${CLUSTER_ROLES}/{ns}-sum`,
      ({ rules }: { rules: unknown }) => JSON.stringify(rules).includes('widgets'),
      rulesOf,
    ),
  ),
  story(
    'a role that views ours by aggregation',
    quietly(
      post(CLUSTER_ROLES, {
        ...rbac('ClusterRole', '{ns}-v', { rules: [widgets(...READ)] }),
        metadata: { name: '{ns}-v', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
      }),
    ),
    bind(user('ann'), 'ClusterRole', 'edit'),
    asSoonAsMay('ann', get(WIDGETS)),
    asSoonAsMay('ann', post(CONFIG_MAPS, configMap('c'))),
    ann(post(WIDGETS, widget('w'))),
    ann(get(ROLES)),
  ),
];

const manage = {
  apiGroups: ['rbac.authorization.k8s.io'],
  resources: ['roles', 'rolebindings'],
  verbs: ['create', 'update', 'patch', 'get'],
};

function asManager(...steps: Step[]): readonly Step[] {
  return [
    role('manager', manage, maps('get')),
    bind(user('ann'), 'Role', 'manager'),
    asSoonAsMay('ann', quietly(get(`${CONFIG_MAPS}/x`))),
    ...steps,
  ];
}

const escalation: readonly Case[] = [
  story(
    'nobody gives what they have not',
    ...asManager(
      ann(
        post(
          ROLES,
          rbac('Role', 'r', {
            rules: [
              maps('get', 'list'),
              { apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['a', 'b'] },
            ],
          }),
        ),
      ),
    ),
  ),
  story(
    'one gives what one has',
    ...asManager(
      ann(post(ROLES, rbac('Role', 'r', { rules: [maps('get')] }))),
      ann(merge(`${ROLES}/r`, { rules: [maps('get', 'delete')] })),
      ann(merge(`${ROLES}/r`, { metadata: { labels: { a: 'b' } } })),
    ),
  ),
  story(
    'nobody binds what they have not',
    ...asManager(role('more', maps('delete')), {
      ...ann(
        post(
          BINDINGS,
          rbac('RoleBinding', 'b', { subjects: [user('ann')], roleRef: reference('Role', 'more') }),
        ),
      ),
      until: (_, body) => JSON.stringify(body).includes('attempting'),
    }),
  ),
  story(
    'one binds what one has',
    ...asManager(role('less', maps('get')), {
      ...ann(
        post(
          BINDINGS,
          rbac('RoleBinding', 'b', { subjects: [user('bea')], roleRef: reference('Role', 'less') }),
        ),
      ),
      until: (status) => status === 201 || status === 409,
    }),
  ),
  story(
    'nobody binds a role that is not there',
    ...asManager(
      ann(
        post(
          BINDINGS,
          rbac('RoleBinding', 'b', { subjects: [user('bea')], roleRef: reference('Role', 'none') }),
        ),
      ),
    ),
  ),
  story(
    'nobody applies what they have not',
    ...asManager(ann(apply(`${ROLES}/r`, 'm', rbac('Role', 'r', { rules: [maps('delete')] })))),
  ),
];

function rulesOf(body: unknown): unknown {
  const { rules, metadata } = body as { rules: unknown; metadata: { labels: unknown; annotations: unknown } };
  return { rules, labels: metadata.labels, annotations: metadata.annotations };
}

function subjectsOf(body: unknown): unknown {
  const { subjects, roleRef } = body as { subjects: unknown; roleRef: unknown };
  return { subjects, roleRef };
}

/** Who may do what: requests allowed and refused, impersonation, reviews, and the objects that say it. */
export const access: readonly Case[] = [...requests, ...impersonation, ...reviews, ...objects, ...escalation];

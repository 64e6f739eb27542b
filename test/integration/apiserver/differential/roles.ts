import {
  account,
  ann,
  asSoonAsMay,
  BINDINGS,
  bind,
  CLUSTER_BINDINGS,
  CLUSTER_ROLES,
  maps,
  READ,
  ROLES,
  rbac,
  reference,
  role,
  user,
  widgets,
} from './access-terms.ts';
import {
  apply,
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
  type Step,
  story,
  until,
  WIDGETS,
  widget,
} from './case.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

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

/** By ann: that somebody has a role. */
function binding(who: string, to: string): Step {
  const fields = { subjects: [user(who)], roleRef: reference('Role', to) };
  return ann(post(BINDINGS, rbac('RoleBinding', 'b', fields)));
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
      ...binding('ann', 'more'),
      until: (_, body) => JSON.stringify(body).includes('attempting'),
    }),
  ),
  story(
    'one binds what one has',
    ...asManager(role('less', maps('get')), {
      ...binding('bea', 'less'),
      until: (status) => status === 201 || status === 409,
    }),
  ),
  story('nobody binds a role that is not there', ...asManager(binding('bea', 'none'))),
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

/** The objects that say who may do what, and who may write them. */
export const roles: readonly Case[] = [...objects, ...escalation];

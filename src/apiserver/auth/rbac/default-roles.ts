import type { KubeObject } from '../../types.ts';
import { type PolicyRule, RBAC_GROUP } from './rules.ts';

const API_VERSION = `${RBAC_GROUP}/v1`;
const BOOTSTRAPPING = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const AUTOUPDATE = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };

/** Label prefix that aggregates a ClusterRole into admin, edit or view; the label's suffix says which. */
const AGGREGATE = `${RBAC_GROUP}/aggregate-to-`;

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const PROBES = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const DISCOVERY = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'];

function clusterRole(
  name: string,
  rules: readonly PolicyRule[],
  labels: Record<string, string> = {},
): KubeObject {
  const metadata = { name, labels: { ...BOOTSTRAPPING, ...labels }, annotations: AUTOUPDATE };
  return { apiVersion: API_VERSION, kind: 'ClusterRole', metadata, rules };
}

/** An aggregated role. */
function collecting(name: string, labels: Record<string, string> = {}): KubeObject {
  const clusterRoleSelectors = [{ matchLabels: { [AGGREGATE + name]: 'true' } }];
  return { ...clusterRole(name, [], labels), aggregationRule: { clusterRoleSelectors } };
}

function giving(name: string, rules: readonly PolicyRule[]): KubeObject {
  return clusterRole(`system:aggregate-to-${name}`, rules, { [AGGREGATE + name]: 'true' });
}

function bound(name: string, ...groups: string[]): KubeObject {
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterRoleBinding',
    metadata: { name, labels: BOOTSTRAPPING, annotations: AUTOUPDATE },
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name },
    subjects: groups.map((group) => ({ apiGroup: RBAC_GROUP, kind: 'Group', name: group })),
  };
}

function coreRule(resources: string[], verbs: string[], group = ''): PolicyRule {
  return { apiGroups: [group], resources, verbs };
}

/** The part of kube's default policy that concerns users and the kinds served here. */
export const DEFAULT_ROLES: readonly KubeObject[] = [
  clusterRole('cluster-admin', [
    { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
    { nonResourceURLs: ['*'], verbs: ['*'] },
  ]),
  clusterRole('system:basic-user', [
    coreRule(['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create'], 'authorization.k8s.io'),
    coreRule(['selfsubjectreviews'], ['create'], 'authentication.k8s.io'),
  ]),
  clusterRole('system:discovery', [{ nonResourceURLs: [...DISCOVERY, ...PROBES].sort(), verbs: ['get'] }]),
  clusterRole('system:public-info-viewer', [{ nonResourceURLs: PROBES, verbs: ['get'] }]),
  collecting('admin'),
  collecting('edit', { [`${AGGREGATE}admin`]: 'true' }),
  collecting('view', { [`${AGGREGATE}edit`]: 'true' }),
  giving('admin', [
    coreRule(['localsubjectaccessreviews'], ['create'], 'authorization.k8s.io'),
    coreRule(['rolebindings', 'roles'], [...WRITE, ...READ].sort(), RBAC_GROUP),
  ]),
  giving('edit', [
    coreRule(['secrets'], READ),
    coreRule(['serviceaccounts'], ['impersonate']),
    coreRule(['configmaps', 'events', 'secrets', 'serviceaccounts'], WRITE),
    coreRule(['leases'], [...WRITE, ...READ].sort(), 'coordination.k8s.io'),
  ]),
  giving('view', [
    coreRule(['configmaps', 'events', 'namespaces', 'namespaces/status', 'serviceaccounts'], READ),
  ]),
  bound('cluster-admin', 'system:masters'),
  bound('system:basic-user', 'system:authenticated'),
  bound('system:discovery', 'system:authenticated'),
  bound('system:public-info-viewer', 'system:authenticated', 'system:unauthenticated'),
];

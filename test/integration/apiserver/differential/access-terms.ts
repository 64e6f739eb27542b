/** Roles, bindings and who acts, as the cases on access speak of them. */

import { as, post, quietly, type Step } from './case.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
export const ROLES = `${RBAC}/namespaces/{ns}/roles`;
export const BINDINGS = `${RBAC}/namespaces/{ns}/rolebindings`;
export const CLUSTER_ROLES = `${RBAC}/clusterroles`;
export const CLUSTER_BINDINGS = `${RBAC}/clusterrolebindings`;

export type Rule = Readonly<Record<string, readonly string[]>>;

export const READ = ['get', 'list', 'watch'];
export const widgets = (...verbs: string[]): Rule => ({
  apiGroups: ['example.com'],
  resources: ['widgets'],
  verbs,
});
export const maps = (...verbs: string[]): Rule => ({ apiGroups: [''], resources: ['configmaps'], verbs });
export const user = (name: string) => ({ kind: 'User', name });
export const account = (name: string, namespace = '{ns}') => ({ kind: 'ServiceAccount', name, namespace });

export function rbac(kind: string, name: string, fields: object): object {
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name }, ...fields };
}

export function role(name: string, ...rules: Rule[]): Step {
  return quietly(post(ROLES, rbac('Role', name, { rules })));
}

export function clusterRole(name: string, ...rules: Rule[]): Step {
  return quietly(post(CLUSTER_ROLES, rbac('ClusterRole', name, { rules })));
}

export const reference = (kind: string, name: string) => ({
  apiGroup: 'rbac.authorization.k8s.io',
  kind,
  name,
});

export function bind(to: object, kind: string, name: string, bound = name): Step {
  return quietly(
    post(BINDINGS, rbac('RoleBinding', bound, { subjects: [to], roleRef: reference(kind, name) })),
  );
}

export function bindEverywhere(to: object, name: string): Step {
  const fields = { subjects: [to], roleRef: reference('ClusterRole', name) };
  return quietly(post(CLUSTER_BINDINGS, rbac('ClusterRoleBinding', name, fields)));
}

/** Authorizers see a new role a moment later than its writer: asks until it may. */
export function asSoonAsMay(who: string, step: Step): Step {
  return { ...as(who, step), until: (status) => status !== 403 };
}

export const ann = (step: Step) => as('ann', step);
export const asBot = (step: Step) => as('system:serviceaccount:{ns}:bot', step);

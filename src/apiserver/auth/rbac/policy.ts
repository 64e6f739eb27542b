import { forbidden, notFound } from '../../status-errors.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { KubeObject } from '../../types.ts';
import type { Attributes, Authorize, User } from '../types.ts';
import { goList, missingRights, type PolicyRule, permits, RBAC_GROUP } from './rules.ts';

export const BUCKETS = {
  roles: `${RBAC_GROUP}/roles`,
  roleBindings: `${RBAC_GROUP}/rolebindings`,
  clusterRoles: `${RBAC_GROUP}/clusterroles`,
  clusterRoleBindings: `${RBAC_GROUP}/clusterrolebindings`,
} as const;

/** The group that may do everything, regardless of roles. */
const MASTERS = 'system:masters';
const ACCOUNT_PREFIX = 'system:serviceaccount:';

/** A Role or ClusterRole. */
export interface RoleObject extends KubeObject {
  rules?: PolicyRule[] | null;
  aggregationRule?: { clusterRoleSelectors?: unknown[] };
}

export interface RoleRef {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}

export interface Subject {
  readonly kind: string;
  readonly apiGroup?: string;
  readonly name: string;
  readonly namespace?: string;
}

/** A RoleBinding or ClusterRoleBinding. */
export interface BindingObject extends KubeObject {
  subjects?: Subject[];
  roleRef: RoleRef;
}

/** A role that a binding grants to a user, with its rules; `missing` when the role does not exist. */
interface Grant {
  readonly by: string;
  readonly rules: readonly PolicyRule[];
  readonly missing: string | undefined;
}

/** Decides what users may do, by the roles and bindings in the store. */
export class RbacPolicy {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  readonly authorize: Authorize = (attributes) => {
    if (isMaster(attributes.user)) return { allowed: true };
    const missing: string[] = [];
    for (const grant of this.#grants(attributes.user, attributes.namespace)) {
      if (grant.missing !== undefined) missing.push(grant.missing);
      if (grant.rules.some((rule) => permits(rule, attributes))) {
        return { allowed: true, reason: `RBAC: allowed by ${grant.by}` };
      }
    }
    if (missing.length === 0) return { allowed: false };
    const [first = ''] = missing;
    return { allowed: false, reason: `RBAC: ${missing.length === 1 ? first : `[${missing.join(', ')}]`}` };
  };

  /**
   * All rules that are granted to a user in a namespace; without a namespace, those for cluster-scoped resources. `system:masters` may
   * do everything without being granted it.
   */
  rulesOf(user: User, namespace: string | undefined): PolicyRule[] {
    return [...this.#grants(user, namespace)].flatMap(({ rules }) => rules);
  }

  /** Throws 403 when a role grants rights that its author does not have. */
  checkRole(role: RoleObject, user: User): void {
    const { name = '', namespace } = role.metadata;
    const resource = namespace === undefined ? 'clusterroles' : 'roles';
    if (this.#isTrusted(user, 'escalate', resource, namespace, name)) return;
    // The rules of an aggregated role are not known in advance: creating one takes all rights.
    const rules = role.aggregationRule === undefined ? (role.rules ?? []) : EVERYTHING;
    this.#checkRights(user, namespace, rules, { group: RBAC_GROUP, name: resource }, name);
  }

  /** Throws 403 when a binding grants rights that its author does not have. */
  checkBinding({ metadata, roleRef }: BindingObject, user: User): void {
    const { name = '', namespace } = metadata;
    const bound = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
    if (this.#isTrusted(user, 'bind', bound, namespace, roleRef.name)) return;
    const resource = namespace === undefined ? 'clusterrolebindings' : 'rolebindings';
    const role = this.#role(roleRef, namespace);
    // kube names the resource being written here, not the missing role's.
    if (role === undefined) throw notFound({ group: RBAC_GROUP, name: resource }, roleRef.name);
    this.#checkRights(user, namespace, role.rules ?? [], { group: RBAC_GROUP, name: resource }, name);
  }

  #isTrusted(
    user: User,
    verb: string,
    resource: string,
    namespace: string | undefined,
    name: string,
  ): boolean {
    const nothing = { path: undefined, subresource: undefined };
    const asked = { user, verb, group: RBAC_GROUP, version: '*', resource, namespace, name, ...nothing };
    return this.authorize(asked satisfies Attributes).allowed;
  }

  #checkRights(
    user: User,
    namespace: string | undefined,
    rules: readonly PolicyRule[],
    resource: { group: string; name: string },
    name: string,
  ): void {
    const missing = missingRights(this.rulesOf(user, namespace), rules);
    if (missing.length === 0) return;
    const who = `user ${JSON.stringify(user.name)} (groups=${goList(user.groups)})`;
    const what = 'is attempting to grant RBAC permissions not currently held';
    throw forbidden(resource, name, `${who} ${what}:\n${missing.join('\n')}`);
  }

  *#grants(user: User, namespace: string | undefined): Generator<Grant> {
    const bindings = [
      ...this.#store.list(BUCKETS.clusterRoleBindings, ''),
      ...(namespace === undefined ? [] : this.#store.list(BUCKETS.roleBindings, `${namespace}/`)),
    ];
    for (const { object } of bindings) {
      const binding = object as BindingObject;
      const within = binding.metadata.namespace;
      const subject = binding.subjects?.find((one) => isSubject(one, user, within));
      if (subject === undefined) continue;
      const role = this.#role(binding.roleRef, within);
      const missing = role === undefined ? missingRole(binding.roleRef) : undefined;
      yield { by: describe(binding, subject), rules: role?.rules ?? [], missing };
    }
  }

  #role({ kind, name }: RoleRef, namespace: string | undefined): RoleObject | undefined {
    const isClusterRole = kind === 'ClusterRole';
    const bucket = isClusterRole ? BUCKETS.clusterRoles : BUCKETS.roles;
    const stored = this.#store.get(bucket, isClusterRole ? name : `${namespace ?? ''}/${name}`);
    return stored?.object as RoleObject | undefined;
  }
}

const EVERYTHING: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

function isMaster(user: User): boolean {
  return user.groups.includes(MASTERS);
}

function isSubject({ kind, name, namespace }: Subject, user: User, within: string | undefined): boolean {
  switch (kind) {
    case 'User':
      return user.name === name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return Boolean(namespace || within) && user.name === `${ACCOUNT_PREFIX}${namespace || within}:${name}`;
    default:
      return false;
  }
}

function missingRole({ kind, name }: RoleRef): string {
  return notFound({ group: RBAC_GROUP, name: kind.toLowerCase() }, name).message;
}

function describe({ metadata, roleRef, kind }: BindingObject, subject: Subject): string {
  const { name, namespace } = metadata;
  const binding = namespace === undefined ? name : `${name}/${namespace}`;
  const isAccount = subject.kind === 'ServiceAccount';
  const who = isAccount ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  const role = `${roleRef.kind} ${JSON.stringify(roleRef.name)}`;
  return `${kind} ${JSON.stringify(binding)} of ${role} to ${subject.kind} ${JSON.stringify(who)}`;
}

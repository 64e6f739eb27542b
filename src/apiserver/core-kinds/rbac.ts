import {
  type BindingObject,
  BUCKETS,
  type RbacPolicy,
  type RoleObject,
  type Subject,
} from '../auth/rbac/policy.ts';
import { RBAC_GROUP } from '../auth/rbac/rules.ts';
import type { GoStruct } from '../codec/go-types.ts';
import { ageColumn, column, createdAtColumn, nameColumn } from '../registry/columns.ts';
import type { Column, KindRules, Resource } from '../registry/resource.ts';
import type { JsonSchema, KubeObject } from '../types.ts';
import { defineKind } from './define.ts';
import { bindingErrors, pathSegmentProblems, roleErrors } from './rbac-rules.ts';
import { list, mapOf, record, text } from './schemas.ts';
import { bindingStruct, CLUSTER_ROLE, ROLE } from './structs.ts';

function texts(description: string): JsonSchema {
  return list({ type: 'string' }, description);
}

const RULES = {
  ...list(
    record(
      {
        verbs: texts(
          "Verbs is a list of Verbs that apply to ALL the ResourceKinds contained in this rule. '*' represents all verbs.",
        ),
        apiGroups: texts('APIGroups is the name of the APIGroup that contains the resources.'),
        resources: texts(
          "Resources is a list of resources this rule applies to. '*' represents all resources.",
        ),
        resourceNames: texts('ResourceNames is an optional white list of names that the rule applies to.'),
        nonResourceURLs: texts('NonResourceURLs is a set of partial urls that a user should have access to.'),
      },
      'PolicyRule holds information that describes a policy rule.',
    ),
    'Rules holds all the PolicyRules for this role.',
  ),
  // A role without rules is written with `null`, as Go does.
  nullable: true,
};

const SELECTOR = {
  ...record(
    {
      matchLabels: mapOf({ type: 'string' }, 'matchLabels is a map of {key,value} pairs.'),
      matchExpressions: list(
        record(
          {
            key: text('key is the label key that the selector applies to.'),
            operator: text("operator represents a key's relationship to a set of values."),
            values: texts('values is an array of string values.'),
          },
          'A label selector requirement.',
        ),
        'matchExpressions is a list of label selector requirements.',
      ),
    },
    'A label selector is a label query over a set of resources.',
  ),
  'x-kubernetes-map-type': 'atomic',
} as const;

const AGGREGATION = record(
  {
    clusterRoleSelectors: list(
      SELECTOR,
      'ClusterRoleSelectors holds a list of selectors which will be used to find ClusterRoles and create the rules.',
    ),
  },
  'AggregationRule is an optional field that describes how to build the Rules for this ClusterRole.',
);

const SUBJECTS = list(
  record(
    {
      kind: text('Kind of object being referenced: User, Group or ServiceAccount.'),
      apiGroup: text('APIGroup holds the API group of the referenced subject.'),
      name: text('Name of the object being referenced.'),
      namespace: text('Namespace of the referenced object.'),
    },
    'Subject contains a reference to the object or user identities a role binding applies to.',
  ),
  'Subjects holds references to the objects the role applies to.',
);

function roleRef(description: string): JsonSchema {
  const parts = {
    apiGroup: text('APIGroup is the group for the resource being referenced'),
    kind: text('Kind is the type of resource being referenced'),
    name: text('Name is the name of resource being referenced'),
  };
  return { ...record(parts, description), 'x-kubernetes-map-type': 'atomic' };
}

const ROLE_REF =
  'RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace. If the RoleRef cannot be resolved, the Authorizer must return an error.';
const CLUSTER_ROLE_REF =
  'RoleRef can only reference a ClusterRole in the global namespace. If the RoleRef cannot be resolved, the Authorizer must return an error.';

/** What is stored does not tell an empty list from none; the writer of an empty list owns it all the same. */
function withoutEmptyRules(object: KubeObject): void {
  if (Array.isArray(object.rules) && object.rules.length === 0) object.rules = null;
}

function fillBinding(object: KubeObject): void {
  const { roleRef, subjects = [] } = object as BindingObject;
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
  object.roleRef = { apiGroup: apiGroup || RBAC_GROUP, kind, name };
  if (subjects.length === 0) return;
  object.subjects = subjects.map((subject) =>
    subject.apiGroup || subject.kind === 'ServiceAccount'
      ? subject
      : { ...subject, apiGroup: ['User', 'Group'].includes(subject.kind) ? RBAC_GROUP : '' },
  );
}

function subjectsColumn(kind: string, name: string, binding: string): Column {
  const called = ({ namespace, name: subject }: Subject): string =>
    kind === 'ServiceAccount' ? `${namespace}/${subject}` : subject;
  const cell = (object: KubeObject): string =>
    ((object as BindingObject).subjects ?? [])
      .filter((subject) => subject.kind === kind)
      .map(called)
      .join(', ');
  return column(name, `${name} in the ${binding}`, cell, 1);
}

function bindingColumns(binding: string, description: string): Column[] {
  return [
    nameColumn(),
    column('Role', description, (object) => {
      const { roleRef } = object as BindingObject;
      return `${roleRef.kind}/${roleRef.name}`;
    }),
    ageColumn(),
    subjectsColumn('User', 'Users', binding),
    subjectsColumn('Group', 'Groups', binding),
    subjectsColumn('ServiceAccount', 'ServiceAccounts', binding),
  ];
}

interface Parts {
  readonly kind: 'Role' | 'ClusterRole' | 'RoleBinding' | 'ClusterRoleBinding';
  readonly plural: string;
  readonly bucket: string;
  readonly struct: GoStruct;
  readonly schema: JsonSchema;
  readonly columns: readonly Column[];
  readonly rules: Partial<KindRules>;
}

function rbacKind({ rules, ...parts }: Parts): Resource {
  return defineKind({
    ...parts,
    group: RBAC_GROUP,
    version: 'v1',
    definitionName: `io.k8s.api.rbac.v1.${parts.kind}`,
    namespaced: !parts.kind.startsWith('Cluster'),
    rules: { nameProblems: pathSegmentProblems, qualifiesFinalizers: true, ...rules },
  });
}

function role(kind: 'Role' | 'ClusterRole', policy: RbacPolicy): Resource {
  const isCluster = kind === 'ClusterRole';
  const properties = { rules: RULES, ...(isCluster ? { aggregationRule: AGGREGATION } : {}) };
  return rbacKind({
    kind,
    plural: isCluster ? 'clusterroles' : 'roles',
    bucket: isCluster ? BUCKETS.clusterRoles : BUCKETS.roles,
    struct: isCluster ? CLUSTER_ROLE : ROLE,
    schema: record(properties, `${kind} is a logical grouping of PolicyRules.`),
    columns: [nameColumn(), createdAtColumn()],
    rules: {
      prepare: withoutEmptyRules,
      validate: (object) => roleErrors(object as RoleObject, !isCluster),
      admit: (object, user) => policy.checkRole(object as RoleObject, user),
    },
  });
}

function binding(kind: 'RoleBinding' | 'ClusterRoleBinding', policy: RbacPolicy): Resource {
  const isCluster = kind === 'ClusterRoleBinding';
  const name = isCluster ? 'clusterRoleBinding' : 'roleBinding';
  const description = isCluster ? CLUSTER_ROLE_REF : ROLE_REF;
  const properties = { subjects: SUBJECTS, roleRef: roleRef(description) };
  return rbacKind({
    kind,
    plural: isCluster ? 'clusterrolebindings' : 'rolebindings',
    bucket: isCluster ? BUCKETS.clusterRoleBindings : BUCKETS.roleBindings,
    struct: bindingStruct(kind),
    schema: record(properties, `${kind} references a role, but does not contain it.`),
    columns: bindingColumns(name, description),
    rules: {
      fillDefaults: fillBinding,
      validate: (object, old) =>
        bindingErrors(object as BindingObject, old as BindingObject | undefined, !isCluster),
      admit: (object, user) => policy.checkBinding(object as BindingObject, user),
    },
  });
}

/** Role, ClusterRole and their bindings. */
export function rbacKinds(policy: RbacPolicy): Resource[] {
  return [
    role('Role', policy),
    role('ClusterRole', policy),
    binding('RoleBinding', policy),
    binding('ClusterRoleBinding', policy),
  ];
}

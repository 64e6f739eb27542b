import { OBJECT_NAMES, PERMISSIONS, type Permission, ruleOf } from '../../src/main/permissions.ts';

/** The chart's template of what the operator may do: in the cluster, in its own namespace, and in those that the values name. */
export function generateRbac(): string {
  return `# Generated from src/main/permissions.ts by \`npm run generate\`. Do not edit.
{{- if .Values.rbac.create }}
${role('ClusterRole', 'cluster')}
---
${binding('ClusterRoleBinding', 'cluster')}
---
${role('Role', 'namespace')}
---
${binding('RoleBinding', 'namespace')}
---
${role('ClusterRole', 'chosen')}
{{- range .Values.rbac.secretNamespaces }}
---
${binding('RoleBinding', 'chosen')}
{{- end }}
{{- end }}
`;
}

function role(kind: RoleKind, scope: Scope): string {
  const rules = PERMISSIONS.filter((permission) => permission.scope === scope).map((each) => toYaml(each));
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
${metadata(scope, kind === 'Role' ? RELEASE_NAMESPACE : undefined)}
rules:
${rules.join('\n')}`;
}

function toYaml(permission: Permission): string {
  const { apiGroups, resources, resourceNames, verbs } = ruleOf(permission, NAMES);
  const list = (words: readonly string[]) => `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;
  return `  # ${permission.why}
  - apiGroups: ${list(apiGroups)}
    resources: ${list(resources)}${resourceNames === undefined ? '' : `\n    resourceNames: ${list(resourceNames)}`}
    verbs: ${list(verbs)}`;
}

function binding(kind: 'RoleBinding' | 'ClusterRoleBinding', scope: Scope): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
${metadata(scope, kind === 'RoleBinding' ? NAMESPACES[scope] : undefined)}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${scope === 'namespace' ? 'Role' : 'ClusterRole'}
  name: ${nameOf(scope)}
subjects:
  - kind: ServiceAccount
    name: {{ include "coppice.operatorServiceAccount" $ }}
    namespace: ${RELEASE_NAMESPACE}`;
}

type Scope = Permission['scope'];
type RoleKind = 'Role' | 'ClusterRole';

const NAMES = { ...OBJECT_NAMES, authority: '{{ .Values.hosts.authoritySecret }}' };
const RELEASE_NAMESPACE = '{{ $.Release.Namespace }}';
/** Within a loop over namespaces, a dot is one of these. */
const NAMESPACES: Partial<Record<Scope, string>> = { namespace: RELEASE_NAMESPACE, chosen: '{{ . }}' };

function nameOf(scope: Scope): string {
  return `{{ include "coppice.operatorName" $ }}${scope === 'chosen' ? '-secrets' : ''}`;
}

function metadata(scope: Scope, namespace: string | undefined): string {
  return `metadata:
  name: ${nameOf(scope)}${namespace === undefined ? '' : `\n  namespace: ${namespace}`}
  labels:
    {{- include "coppice.operatorLabels" $ | nindent 4 }}`;
}

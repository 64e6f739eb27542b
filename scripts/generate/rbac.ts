import { OBJECT_NAMES, PERMISSIONS, type Permission, ruleOf } from '../../src/main/permissions.ts';

/** The chart's template of what the operator may do: a ClusterRole, and a Role in its own namespace. */
export function generateRbac(): string {
  return `# Generated from src/main/permissions.ts by \`npm run generate\`. Do not edit.
{{- if .Values.rbac.create }}
${role('ClusterRole', 'cluster')}
---
${binding('ClusterRoleBinding', 'ClusterRole')}
---
${role('Role', 'namespace')}
---
${binding('RoleBinding', 'Role')}
{{- end }}
`;
}

function role(kind: 'Role' | 'ClusterRole', scope: Permission['scope']): string {
  const rules = PERMISSIONS.filter((permission) => permission.scope === scope).map((each) => toYaml(each));
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
${metadata(kind)}
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

function binding(kind: string, roleKind: 'Role' | 'ClusterRole'): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
${metadata(roleKind)}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${roleKind}
  name: ${NAME}
subjects:
  - kind: ServiceAccount
    name: {{ include "coppice.operatorServiceAccount" . }}
    namespace: {{ .Release.Namespace }}`;
}

const NAMES = { ...OBJECT_NAMES, authority: '{{ .Values.hosts.authoritySecret }}' };
const NAME = '{{ include "coppice.operatorName" . }}';

function metadata(roleKind: 'Role' | 'ClusterRole'): string {
  const namespace = roleKind === 'Role' ? '\n  namespace: {{ .Release.Namespace }}' : '';
  return `metadata:
  name: ${NAME}${namespace}
  labels:
    {{- include "coppice.operatorLabels" . | nindent 4 }}`;
}

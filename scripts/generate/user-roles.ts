import { load } from 'js-yaml';
import { type UserRole, userRoles } from '../../src/main/user-roles.ts';

/** The chart's template of what users of Kubernetes' default roles may do with the kinds of `crds/`. */
export function generateUserRoles(crds: readonly string[]): string {
  const roles = userRoles(crds.map((text) => load(text) as object));
  return `# Generated from src/main/user-roles.ts and crds/ by \`npm run generate\`. Do not edit.
{{- if .Values.rbac.create }}
${roles.map(clusterRole).join('\n---\n')}
{{- end }}
`;
}

function clusterRole({ role, labels, rules }: UserRole): string {
  const list = (words: readonly string[]) => `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;
  const labelLines = Object.entries(labels).map(([name, value]) => `    ${name}: "${value}"`);
  const ruleLines = rules.map(
    ({ apiGroups, resources, verbs }) =>
      `  - apiGroups: ${list(apiGroups)}\n    resources: ${list(resources)}\n    verbs: ${list(verbs)}`,
  );
  return `# adds to the role \`${role}\` that every cluster has
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "coppice.fullname" . }}-${role}
  labels:
    {{- include "coppice.labels" . | nindent 4 }}
${labelLines.join('\n')}
rules:
${ruleLines.join('\n')}`;
}

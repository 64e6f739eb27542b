import {
  DELETING_CONTROLLERS,
  notOwner,
  OWN_FOR_OTHERS,
  OWNED_KINDS,
  type OwnedKind,
} from '../../src/api/ownership.ts';

/** The chart's template of what keeps people from writing objects of other owners, as the embedded API server does by itself. */
export function generateOwnership(): string {
  return `# Generated from src/api/ownership.ts by \`npm run generate\`. Do not edit.
${OWNED_KINDS.map(policy).join('\n---\n')}
{{- if .Values.rbac.create }}
---
# for GitOps tools, and others who write these objects for their owners: bind it to them
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "coppice.fullname" . }}-${OWN_FOR_OTHERS}
  labels:
    {{- include "coppice.labels" . | nindent 4 }}
rules:
  - apiGroups: ["coppice.dev"]
    resources: [${OWNED_KINDS.map(({ plural }) => JSON.stringify(plural)).join(', ')}]
    verbs: [${JSON.stringify(OWN_FOR_OTHERS)}]
{{- end }}
`;
}

/**
 * The policy of one kind, and its binding. The verb is asked for the kind in the namespace and not for the name: a new object may have
 * none yet.
 */
function policy(kind: OwnedKind): string {
  const { plural, field } = kind;
  const name = `{{ include "coppice.fullname" . }}-${plural}`;
  const isOwner = (object: string) =>
    `(${object} == null || ${object}.spec.${field} == request.userInfo.username)`;
  const controllers = DELETING_CONTROLLERS.map((user) => `'${user}'`).join(', ');
  return `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: ${name}
  labels:
    {{- include "coppice.labels" . | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: ["coppice.dev"]
        apiVersions: ["*"]
        operations: ["CREATE", "UPDATE", "DELETE"]
        resources: [${JSON.stringify(plural)}]
  matchConditions:
    - name: is-not-kubernetes-itself
      expression: "!(request.userInfo.username in [${controllers}])"
  validations:
    - expression: >-
        (${isOwner('object')} && ${isOwner('oldObject')})
        || authorizer.group('coppice.dev').resource('${plural}').namespace(request.namespace).check('${OWN_FOR_OTHERS}').allowed()
      reason: Forbidden
      message: ${JSON.stringify(notOwner(kind))}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: ${name}
  labels:
    {{- include "coppice.labels" . | nindent 4 }}
spec:
  policyName: ${name}
  validationActions: ["Deny"]`;
}

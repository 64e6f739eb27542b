/** A valid object of every kind served, from which odd ones are made. */

import type { JsonObject } from '../../../../src/base/json.ts';

export interface Sample {
  /** Path of its collection. */
  readonly path: string;
  readonly object: JsonObject;
}

const NAMESPACED = '/namespaces/default';
const META = { name: 'a', labels: { l: 'v' }, annotations: { n: 'v' }, finalizers: ['example.com/f'] };
const OWNER = { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'u', controller: true };
const TIME = '2026-01-02T03:04:05Z';
const MICRO = '2026-01-02T03:04:05.678901Z';
const REF = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'a', uid: 'u' };
const RULE = { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] };
const MANAGED = {
  manager: 'm',
  operation: 'Apply',
  apiVersion: 'v1',
  time: TIME,
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:data': { 'f:a': {}, 'k:{"name":"x"}': { '.': {} }, 'v:1': {}, 'i:0': {} } },
};

function sample(
  apiVersion: string,
  kind: string,
  plural: string,
  namespaced: boolean,
  fields: object,
): Sample {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = namespaced ? { namespace: 'default' } : {};
  // Once is enough: what is in every object would be most of what is changed.
  const more = kind === 'ConfigMap' ? { ownerReferences: [OWNER], managedFields: [MANAGED] } : {};
  const metadata = { ...META, ...namespace, ...more };
  return {
    path: `${root}${namespaced ? NAMESPACED : ''}/${plural}`,
    object: { apiVersion, kind, metadata, ...fields } as JsonObject,
  };
}

const DEFINITION = {
  group: 'fuzz.example.com',
  scope: 'Namespaced',
  names: { plural: 'fuzzes', singular: 'fuzz', kind: 'Fuzz', listKind: 'FuzzList', shortNames: ['fz'] },
  versions: [
    {
      name: 'v1',
      served: true,
      storage: true,
      schema: {
        openAPIV3Schema: {
          type: 'object',
          properties: {
            spec: {
              type: 'object',
              required: ['a'],
              properties: {
                a: { type: 'string', pattern: '^a+$', default: 'a', enum: ['a'] },
                l: { type: 'array', items: { type: 'integer', minimum: 1, format: 'int32' } },
              },
              'x-kubernetes-validations': [{ rule: 'self.a == "a"', message: 'm' }],
            },
          },
        },
      },
      subresources: { status: {}, scale: { specReplicasPath: '.spec.r', statusReplicasPath: '.status.r' } },
      additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.a', priority: 0 }],
      selectableFields: [{ jsonPath: '.spec.a' }],
    },
  ],
};

const ATTRIBUTES = { namespace: 'default', verb: 'get', group: '', resource: 'pods', name: 'a' };
const REVIEW = { user: 'u', groups: ['g'], extra: { k: ['v'] }, resourceAttributes: ATTRIBUTES };
const ROLE_REF = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
const SUBJECT = { kind: 'ServiceAccount', name: 'a', namespace: 'default' };
const RBAC = 'rbac.authorization.k8s.io/v1';
const REVIEWS = 'authorization.k8s.io/v1';

export const SAMPLES: readonly Sample[] = [
  sample('v1', 'ConfigMap', 'configmaps', true, {
    data: { a: 'b' },
    binaryData: { c: 'AQID' },
    immutable: false,
  }),
  sample('v1', 'Secret', 'secrets', true, { type: 'Opaque', data: { a: 'AQID' }, stringData: { b: 'c' } }),
  sample('v1', 'ServiceAccount', 'serviceaccounts', true, {
    secrets: [REF],
    imagePullSecrets: [{ name: 'a' }],
    automountServiceAccountToken: true,
  }),
  sample('v1', 'Namespace', 'namespaces', false, {
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }),
  sample('v1', 'Event', 'events', true, {
    involvedObject: REF,
    reason: 'R',
    message: 'm',
    type: 'Normal',
    firstTimestamp: TIME,
    lastTimestamp: TIME,
    eventTime: MICRO,
    count: 1,
    source: { component: 'c', host: 'h' },
    series: { count: 1, lastObservedTime: MICRO },
    related: REF,
    action: 'A',
    reportingComponent: 'c',
    reportingInstance: 'i',
  }),
  sample('events.k8s.io/v1', 'Event', 'events', true, {
    eventTime: MICRO,
    regarding: REF,
    reason: 'R',
    note: 'n',
    type: 'Normal',
    action: 'A',
    reportingController: 'example.com/c',
    reportingInstance: 'i',
    series: { count: 2, lastObservedTime: MICRO },
  }),
  sample('coordination.k8s.io/v1', 'Lease', 'leases', true, {
    spec: {
      holderIdentity: 'h',
      leaseDurationSeconds: 15,
      acquireTime: MICRO,
      renewTime: MICRO,
      leaseTransitions: 1,
    },
  }),
  sample(RBAC, 'Role', 'roles', true, { rules: [RULE] }),
  sample(RBAC, 'ClusterRole', 'clusterroles', false, {
    rules: [RULE, { verbs: ['get'], nonResourceURLs: ['/x'] }],
    aggregationRule: {
      clusterRoleSelectors: [
        { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'k', operator: 'In', values: ['v'] }] },
      ],
    },
  }),
  sample(RBAC, 'RoleBinding', 'rolebindings', true, { subjects: [SUBJECT], roleRef: ROLE_REF }),
  sample(RBAC, 'ClusterRoleBinding', 'clusterrolebindings', false, {
    subjects: [SUBJECT],
    roleRef: ROLE_REF,
  }),
  sample('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', false, {
    metadata: { name: 'fuzzes.fuzz.example.com' },
    spec: DEFINITION,
  }),
  sample('fuzz.example.com/v1', 'Fuzz', 'fuzzes', true, { spec: { a: 'a', l: [1] }, status: { r: 1 } }),
  sample('example.com/v1', 'Widget', 'widgets', true, {
    spec: { colour: 'green', replicas: 1, size: 'small' },
    status: { replicas: 1 },
  }),
  sample('example.com/v1', 'Gizmo', 'gizmos', true, {
    spec: {
      fixed: 'a',
      nullable: null,
      amount: '1',
      raw: { a: { b: [1] } },
      partly: { known: { a: 'b' } },
      embedded: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'e' } },
      set: ['a'],
      numbers: [1.5],
      atomicList: [{ a: 'b' }],
      atomicMap: { a: 'b' },
      granularMap: { a: 1 },
    },
  }),
  sample(REVIEWS, 'SubjectAccessReview', 'subjectaccessreviews', false, { spec: REVIEW }),
  sample(REVIEWS, 'LocalSubjectAccessReview', 'localsubjectaccessreviews', true, { spec: REVIEW }),
  sample(REVIEWS, 'SelfSubjectRulesReview', 'selfsubjectrulesreviews', false, {
    spec: { namespace: 'default' },
  }),
  sample('authentication.k8s.io/v1', 'TokenReview', 'tokenreviews', false, {
    spec: { token: 't', audiences: ['a'] },
  }),
];

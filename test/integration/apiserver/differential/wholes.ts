import type { JsonObject } from '../../../../src/apiserver/types.ts';

const LABELS = { labels: { a: 'b' }, annotations: { a: 'b' }, finalizers: ['example.com/a'] };
const metadata = { name: 'whole', ...LABELS };
const reference = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  name: 'w',
  namespace: 'default',
  uid: '1',
  resourceVersion: '1',
  fieldPath: 'spec',
};
const MICRO = '2030-01-01T00:00:00.123456Z';
const SECOND = '2030-01-01T00:00:00Z';
const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }];
const RBAC = 'rbac.authorization.k8s.io';
const selector = {
  matchLabels: { a: 'b' },
  matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }],
};
const names = { kind: 'Whole', plural: 'wholes', singular: 'whole', listKind: 'WholeList' };
const text = { type: 'string', description: 'a text', default: 'x', enum: ['x', 'y'] };

/** A built-in kind, and an object of it in which as much as may be is given. */
export interface BuiltIn {
  readonly plural: string;
  /** Name of its definition in the OpenAPI document. */
  readonly definition: string;
  readonly namespaced: boolean;
  readonly hasStatus?: true;
  readonly object: JsonObject & { readonly apiVersion: string; readonly kind: string };
}

const core = (kind: string): string => `io.k8s.api.core.v1.${kind}`;
const rbac = (kind: string): string => `io.k8s.api.rbac.v1.${kind}`;

export const BUILT_INS: readonly BuiltIn[] = [
  {
    plural: 'configmaps',
    definition: core('ConfigMap'),
    namespaced: true,
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { a: '1' },
      binaryData: { b: 'AAAA' },
      immutable: false,
    },
  },
  {
    plural: 'secrets',
    definition: core('Secret'),
    namespaced: true,
    object: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      data: { a: 'AAAA' },
      type: 'Opaque',
      immutable: false,
    },
  },
  {
    plural: 'serviceaccounts',
    definition: core('ServiceAccount'),
    namespaced: true,
    object: {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata,
      secrets: [{ name: 'a' }],
      imagePullSecrets: [{ name: 'a' }],
      automountServiceAccountToken: true,
    },
  },
  {
    plural: 'events',
    definition: core('Event'),
    namespaced: true,
    object: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata,
      involvedObject: reference,
      reason: 'Tested',
      message: 'it was',
      type: 'Normal',
      source: { component: 'tests', host: 'h' },
      firstTimestamp: SECOND,
      lastTimestamp: SECOND,
      count: 2,
      action: 'Test',
      reportingComponent: 'example.com/t',
      reportingInstance: 'i',
    },
  },
  {
    plural: 'namespaces',
    definition: core('Namespace'),
    namespaced: false,
    hasStatus: true,
    object: { apiVersion: 'v1', kind: 'Namespace', metadata, spec: { finalizers: ['kubernetes'] } },
  },
  {
    plural: 'leases',
    definition: 'io.k8s.api.coordination.v1.Lease',
    namespaced: true,
    object: {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata,
      spec: {
        holderIdentity: 'a',
        leaseDurationSeconds: 15,
        acquireTime: MICRO,
        renewTime: MICRO,
        leaseTransitions: 1,
      },
    },
  },
  {
    plural: 'events',
    definition: 'io.k8s.api.events.v1.Event',
    namespaced: true,
    object: {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { ...metadata, name: 'other' },
      regarding: reference,
      related: reference,
      reason: 'Tested',
      note: 'it was',
      type: 'Normal',
      eventTime: MICRO,
      action: 'Test',
      reportingController: 'example.com/t',
      reportingInstance: 'i',
      series: { count: 2, lastObservedTime: MICRO },
    },
  },
  {
    plural: 'roles',
    definition: rbac('Role'),
    namespaced: true,
    object: { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules },
  },
  {
    plural: 'clusterroles',
    definition: rbac('ClusterRole'),
    namespaced: false,
    object: {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRole',
      metadata,
      // Those that are aggregated come from others, of which there are none.
      rules: null,
      aggregationRule: { clusterRoleSelectors: [selector] },
    },
  },
  ...(['RoleBinding', 'ClusterRoleBinding'] as const).map((kind) => ({
    plural: `${kind.toLowerCase()}s`,
    definition: rbac(kind),
    namespaced: kind === 'RoleBinding',
    object: {
      apiVersion: `${RBAC}/v1`,
      kind,
      metadata,
      subjects: [
        { kind: 'ServiceAccount', name: 'a', namespace: 'default' },
        { kind: 'User', apiGroup: RBAC, name: 'a' },
      ],
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'view' },
    },
  })),
  {
    plural: 'customresourcedefinitions',
    definition: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
    namespaced: false,
    hasStatus: true,
    object: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { ...metadata, name: 'wholes.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { ...names, shortNames: ['wh'], categories: ['all'] },
        conversion: { strategy: 'None' },
        preserveUnknownFields: false,
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            deprecated: true,
            deprecationWarning: 'goes',
            schema: {
              openAPIV3Schema: {
                type: 'object',
                description: 'a whole',
                properties: { spec: { type: 'object', properties: { a: text } } },
              },
            },
            subresources: {
              status: {},
              scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
            },
            additionalPrinterColumns: [
              {
                name: 'A',
                type: 'string',
                jsonPath: '.spec.a',
                description: 'a',
                format: 'date',
                priority: 1,
              },
            ],
            selectableFields: [{ jsonPath: '.spec.a' }],
          },
        ],
      },
    },
  },
];

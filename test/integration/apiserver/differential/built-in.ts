/** An object of every built-in kind that is served, with as many of its fields as may be set. */

/** An object, and a change of it. */
export interface Sample {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly isClusterScoped?: true;
  /** Without it, objects of a kind that is cluster-scoped are called as the case's namespace, others `one`. */
  readonly name?: string;
  readonly fields: object;
  readonly change: object;
}

const RBAC = 'rbac.authorization.k8s.io';
const rules = [
  { apiGroups: ['', 'apps'], resources: ['configmaps'], resourceNames: ['a'], verbs: ['get', 'list'] },
];
const subjects = [
  { kind: 'User', apiGroup: RBAC, name: 'ann' },
  { kind: 'ServiceAccount', name: 'default', namespace: '{ns}' },
];
const involved = {
  kind: 'ConfigMap',
  namespace: '{ns}',
  name: 'a',
  uid: 'one',
  apiVersion: 'v1',
  fieldPath: 'data',
};
const times = { acquireTime: '2030-01-01T00:00:00.123456Z', renewTime: '2030-01-01T00:00:00.000000Z' };

const SCHEMA = {
  type: 'object',
  description: 'A thing.',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      default: { size: 3 },
      properties: {
        size: { type: 'integer', format: 'int32', minimum: 0 },
        share: { type: 'number', exclusiveMaximum: true, maximum: 10.5, multipleOf: 0.5 },
        name: {
          type: 'string',
          minLength: 0,
          maxLength: 9,
          pattern: '^[a-z]*$',
          enum: ['a', 'b'],
          nullable: true,
        },
        tags: { type: 'array', items: { type: 'string' }, maxItems: 3, 'x-kubernetes-list-type': 'set' },
        ports: {
          type: 'array',
          items: { type: 'object', required: ['port'], properties: { port: { type: 'integer' } } },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port'],
        },
        zero: { type: 'integer', default: 0, enum: [0, 1] },
        no: { type: 'boolean', default: false },
        empty: { type: 'string', default: '', enum: ['', 'a'] },
        nothing: { type: 'string', nullable: true, default: null },
        more: { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 3 },
        any: {
          'x-kubernetes-preserve-unknown-fields': true,
          'x-kubernetes-embedded-resource': true,
          type: 'object',
        },
        either: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
        open: { type: 'object', additionalProperties: true, 'x-kubernetes-map-type': 'atomic' },
      },
      'x-kubernetes-validations': [{ rule: 'self.size < 10', message: 'too large', fieldPath: '.size' }],
      not: { required: ['odd'] },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' } } },
  },
};

function version(name: string, storage: boolean): object {
  return {
    name,
    served: true,
    storage,
    ...(storage ? {} : { deprecated: true, deprecationWarning: 'old' }),
    schema: { openAPIV3Schema: SCHEMA },
    subresources: {
      status: {},
      scale: {
        specReplicasPath: '.spec.size',
        statusReplicasPath: '.status.replicas',
        labelSelectorPath: '.status.x',
      },
    },
    additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size', priority: 1 }],
    selectableFields: [{ jsonPath: '.spec.name' }],
  };
}

export const SAMPLES: readonly Sample[] = [
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    plural: 'configmaps',
    fields: { data: { a: 'ä', empty: '' }, binaryData: { b: 'AP8=' }, immutable: false },
    change: { data: { c: 'd' } },
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    plural: 'secrets',
    fields: { data: { a: 'AP8=' }, stringData: { b: 'x' }, type: 'example.com/x' },
    change: { data: { c: 'AA==' } },
  },
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    plural: 'namespaces',
    isClusterScoped: true,
    name: 'protobuf-{ns}',
    fields: { spec: { finalizers: ['example.com/x'] } },
    change: { metadata: { labels: { a: 'b' } } },
  },
  {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    fields: {
      secrets: [{ name: 'a' }],
      imagePullSecrets: [{ name: 'b' }],
      automountServiceAccountToken: false,
    },
    change: { automountServiceAccountToken: true },
  },
  {
    apiVersion: 'v1',
    kind: 'Event',
    plural: 'events',
    fields: {
      involvedObject: involved,
      reason: 'Tested',
      message: 'all is well',
      source: { component: 'tests', host: 'here' },
      firstTimestamp: '2030-01-01T00:00:00Z',
      lastTimestamp: '2030-01-01T00:00:01Z',
      count: 2,
      type: 'Normal',
      related: involved,
    },
    change: { count: 3 },
  },
  {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    plural: 'events',
    fields: {
      regarding: involved,
      related: involved,
      eventTime: '2030-01-01T00:00:00.000001Z',
      series: { count: 2, lastObservedTime: '2030-01-01T00:00:00.123456Z' },
      reportingController: 'example.com/tests',
      reportingInstance: 'one',
      action: 'Testing',
      reason: 'Tested',
      note: 'all is well',
      type: 'Warning',
    },
    change: { series: { count: 3 } },
  },
  {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    plural: 'leases',
    fields: { spec: { holderIdentity: 'me', leaseDurationSeconds: 15, leaseTransitions: 0, ...times } },
    change: { spec: { holderIdentity: '', leaseTransitions: 1 } },
  },
  { apiVersion: `${RBAC}/v1`, kind: 'Role', plural: 'roles', fields: { rules }, change: { rules: [] } },
  {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    plural: 'clusterroles',
    isClusterScoped: true,
    fields: { rules: [...rules, { nonResourceURLs: ['/healthz'], verbs: ['get'] }] },
    change: { rules: null },
  },
  {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    plural: 'clusterroles',
    isClusterScoped: true,
    name: 'aggregated-{ns}',
    fields: {
      aggregationRule: {
        clusterRoleSelectors: [
          {
            matchLabels: { 'example.com/{ns}': 'x' },
            matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }],
          },
        ],
      },
    },
    change: { metadata: { annotations: { a: 'b' } } },
  },
  {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    plural: 'rolebindings',
    fields: { subjects, roleRef: { apiGroup: RBAC, kind: 'Role', name: 'one' } },
    change: { subjects: null },
  },
  {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    isClusterScoped: true,
    fields: { subjects, roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: '{ns}' } },
    change: { subjects: [] },
  },
  {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    isClusterScoped: true,
    name: 'things.{ns}.example.com',
    fields: {
      spec: {
        group: '{ns}.example.com',
        names: {
          plural: 'things',
          singular: 'thing',
          kind: 'Thing',
          listKind: 'Things',
          shortNames: ['th'],
          categories: ['all'],
        },
        scope: 'Namespaced',
        versions: [version('v1', true), version('v1beta1', false)],
        conversion: { strategy: 'None' },
      },
    },
    change: { metadata: { labels: { a: 'b' } } },
  },
];

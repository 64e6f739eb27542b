/**
 * The messages that Go clients send in Kubernetes' protobuf, by field number (k8s.io/api's generated.proto). kubectl sends
 * protobuf for every core kind that it creates itself: `create configmap`, `create namespace`, `auth can-i`.
 *
 * A type is a scalar (`string`, `bytes`, `int`, `bool`), a time (`Time`, `MicroTime`), raw JSON (`Json`), or a message's name;
 * the prefix `[]` marks a repeated field, `{}` a map from string, `*` a field that is sent only when set (others are sent
 * even when empty, and then mean "not set").
 */
type Fields = Readonly<Record<number, readonly [name: string, type: string]>>;

const META = ['metadata', 'ObjectMeta'] as const;

const SUBJECT_REVIEW_SPEC: Fields = {
  1: ['resourceAttributes', 'ResourceAttributes'],
  2: ['nonResourceAttributes', 'NonResourceAttributes'],
  3: ['user', 'string'],
  4: ['groups', '[]string'],
  6: ['uid', 'string'],
};

const METADATA: Readonly<Record<string, Fields>> = {
  TypeMeta: { 1: ['apiVersion', 'string'], 2: ['kind', 'string'] },
  ObjectMeta: {
    1: ['name', 'string'],
    2: ['generateName', 'string'],
    3: ['namespace', 'string'],
    5: ['uid', 'string'],
    6: ['resourceVersion', 'string'],
    7: ['generation', 'int'],
    8: ['creationTimestamp', 'Time'],
    9: ['deletionTimestamp', 'Time'],
    10: ['deletionGracePeriodSeconds', '*int'],
    11: ['labels', '{}string'],
    12: ['annotations', '{}string'],
    13: ['ownerReferences', '[]OwnerReference'],
    14: ['finalizers', '[]string'],
    17: ['managedFields', '[]ManagedFieldsEntry'],
  },
  OwnerReference: {
    1: ['kind', 'string'],
    3: ['name', 'string'],
    4: ['uid', 'string'],
    5: ['apiVersion', 'string'],
    6: ['controller', '*bool'],
    7: ['blockOwnerDeletion', '*bool'],
  },
  ManagedFieldsEntry: {
    1: ['manager', 'string'],
    2: ['operation', 'string'],
    3: ['apiVersion', 'string'],
    4: ['time', 'Time'],
    6: ['fieldsType', 'string'],
    7: ['fieldsV1', 'FieldsV1'],
    8: ['subresource', 'string'],
  },
  FieldsV1: { 1: ['', 'Json'] },
  DeleteOptions: {
    1: ['gracePeriodSeconds', '*int'],
    2: ['preconditions', 'Preconditions'],
    3: ['orphanDependents', '*bool'],
    4: ['propagationPolicy', '*string'],
    5: ['dryRun', '[]string'],
  },
  Preconditions: { 1: ['uid', '*string'], 2: ['resourceVersion', '*string'] },
};

const CORE: Readonly<Record<string, Fields>> = {
  ConfigMap: { 1: META, 2: ['data', '{}string'], 3: ['binaryData', '{}bytes'], 4: ['immutable', '*bool'] },
  Secret: {
    1: META,
    2: ['data', '{}bytes'],
    3: ['type', 'string'],
    4: ['stringData', '{}string'],
    5: ['immutable', '*bool'],
  },
  Namespace: { 1: META, 2: ['spec', 'NamespaceSpec'], 3: ['status', 'NamespaceStatus'] },
  NamespaceSpec: { 1: ['finalizers', '[]string'] },
  NamespaceStatus: { 1: ['phase', 'string'], 2: ['conditions', '[]NamespaceCondition'] },
  NamespaceCondition: {
    1: ['type', 'string'],
    2: ['status', 'string'],
    4: ['lastTransitionTime', 'Time'],
    5: ['reason', 'string'],
    6: ['message', 'string'],
  },
  ServiceAccount: {
    1: META,
    2: ['secrets', '[]ObjectReference'],
    3: ['imagePullSecrets', '[]LocalObjectReference'],
    4: ['automountServiceAccountToken', '*bool'],
  },
  LocalObjectReference: { 1: ['name', 'string'] },
  ObjectReference: {
    1: ['kind', 'string'],
    2: ['namespace', 'string'],
    3: ['name', 'string'],
    4: ['uid', 'string'],
    5: ['apiVersion', 'string'],
    6: ['resourceVersion', 'string'],
    7: ['fieldPath', 'string'],
  },
  Lease: { 1: META, 2: ['spec', 'LeaseSpec'] },
  LeaseSpec: {
    1: ['holderIdentity', '*string'],
    2: ['leaseDurationSeconds', '*int'],
    3: ['acquireTime', 'MicroTime'],
    4: ['renewTime', 'MicroTime'],
    5: ['leaseTransitions', '*int'],
    6: ['strategy', '*string'],
    7: ['preferredHolder', '*string'],
  },
};

const EVENTS: Readonly<Record<string, Fields>> = {
  'v1/Event': {
    1: META,
    2: ['involvedObject', 'ObjectReference'],
    3: ['reason', 'string'],
    4: ['message', 'string'],
    5: ['source', 'EventSource'],
    6: ['firstTimestamp', 'Time'],
    7: ['lastTimestamp', 'Time'],
    8: ['count', 'int'],
    9: ['type', 'string'],
    10: ['eventTime', 'MicroTime'],
    11: ['series', 'EventSeries'],
    12: ['action', 'string'],
    13: ['related', 'ObjectReference'],
    14: ['reportingComponent', 'string'],
    15: ['reportingInstance', 'string'],
  },
  'events.k8s.io/v1/Event': {
    1: META,
    2: ['eventTime', 'MicroTime'],
    3: ['series', 'EventSeries'],
    4: ['reportingController', 'string'],
    5: ['reportingInstance', 'string'],
    6: ['action', 'string'],
    7: ['reason', 'string'],
    8: ['regarding', 'ObjectReference'],
    9: ['related', 'ObjectReference'],
    10: ['note', 'string'],
    11: ['type', 'string'],
    12: ['deprecatedSource', 'EventSource'],
    13: ['deprecatedFirstTimestamp', 'Time'],
    14: ['deprecatedLastTimestamp', 'Time'],
    15: ['deprecatedCount', 'int'],
  },
  EventSource: { 1: ['component', 'string'], 2: ['host', 'string'] },
  EventSeries: { 1: ['count', 'int'], 2: ['lastObservedTime', 'MicroTime'] },
};

const REVIEWS: Readonly<Record<string, Fields>> = {
  SelfSubjectAccessReview: { 1: META, 2: ['spec', 'SubjectReviewSpec'] },
  SubjectAccessReview: { 1: META, 2: ['spec', 'SubjectReviewSpec'] },
  LocalSubjectAccessReview: { 1: META, 2: ['spec', 'SubjectReviewSpec'] },
  SubjectReviewSpec: SUBJECT_REVIEW_SPEC,
  ResourceAttributes: {
    1: ['namespace', 'string'],
    2: ['verb', 'string'],
    3: ['group', 'string'],
    4: ['version', 'string'],
    5: ['resource', 'string'],
    6: ['subresource', 'string'],
    7: ['name', 'string'],
  },
  NonResourceAttributes: { 1: ['path', 'string'], 2: ['verb', 'string'] },
  SelfSubjectRulesReview: { 1: META, 2: ['spec', 'SelfSubjectRulesReviewSpec'] },
  SelfSubjectRulesReviewSpec: { 1: ['namespace', 'string'] },
  SelfSubjectReview: { 1: META },
  TokenReview: { 1: META, 2: ['spec', 'TokenReviewSpec'] },
  TokenReviewSpec: { 1: ['token', 'string'], 2: ['audiences', '[]string'] },
};

const RBAC: Readonly<Record<string, Fields>> = {
  Role: { 1: META, 2: ['rules', '[]PolicyRule'] },
  ClusterRole: { 1: META, 2: ['rules', '[]PolicyRule'], 3: ['aggregationRule', '*AggregationRule'] },
  RoleBinding: { 1: META, 2: ['subjects', '[]Subject'], 3: ['roleRef', 'RoleRef'] },
  ClusterRoleBinding: { 1: META, 2: ['subjects', '[]Subject'], 3: ['roleRef', 'RoleRef'] },
  PolicyRule: {
    1: ['verbs', '[]string'],
    2: ['apiGroups', '[]string'],
    3: ['resources', '[]string'],
    4: ['resourceNames', '[]string'],
    5: ['nonResourceURLs', '[]string'],
  },
  AggregationRule: { 1: ['clusterRoleSelectors', '[]LabelSelector'] },
  LabelSelector: { 1: ['matchLabels', '{}string'], 2: ['matchExpressions', '[]LabelSelectorRequirement'] },
  LabelSelectorRequirement: { 1: ['key', 'string'], 2: ['operator', 'string'], 3: ['values', '[]string'] },
  Subject: {
    1: ['kind', 'string'],
    2: ['apiGroup', 'string'],
    3: ['name', 'string'],
    4: ['namespace', 'string'],
  },
  RoleRef: { 1: ['apiGroup', 'string'], 2: ['kind', 'string'], 3: ['name', 'string'] },
};

/** Scale as kubectl and autoscalers write it. */
const SCALE: Readonly<Record<string, Fields>> = {
  Scale: { 1: META, 2: ['spec', 'ScaleSpec'], 3: ['status', 'ScaleStatus'] },
  ScaleSpec: { 1: ['replicas', 'int'] },
  ScaleStatus: { 1: ['replicas', 'int'], 2: ['selector', 'string'] },
};

export const MESSAGES: Readonly<Record<string, Fields>> = {
  ...METADATA,
  ...CORE,
  ...EVENTS,
  ...REVIEWS,
  ...RBAC,
  ...SCALE,
};

import { own } from '../../base/own.ts';
import { DEFINITIONS } from './protobuf-definitions.ts';
import { METADATA } from './protobuf-meta.ts';
import { REVIEWS } from './protobuf-reviews.ts';
import type { Fields, Messages } from './protobuf-types.ts';
import { ProtobufError } from './protobuf-wire.ts';

const CORE: Messages = {
  ConfigMap: {
    1: ['metadata', 'ObjectMeta'],
    2: ['data', '{}string'],
    3: ['binaryData', '{}bytes'],
    4: ['immutable', '*bool'],
  },
  Secret: {
    1: ['metadata', 'ObjectMeta'],
    2: ['data', '{}bytes'],
    3: ['type', 'string'],
    4: ['stringData', '{}string'],
    5: ['immutable', '*bool'],
  },
  Namespace: {
    1: ['metadata', 'ObjectMeta'],
    2: ['spec', 'NamespaceSpec'],
    3: ['status', 'NamespaceStatus'],
  },
  NamespaceSpec: {
    1: ['finalizers', '[]string'],
  },
  NamespaceStatus: {
    1: ['phase', 'string'],
    2: ['conditions', '[]NamespaceCondition'],
  },
  NamespaceCondition: {
    1: ['type', '!string'],
    2: ['status', '!string'],
    4: ['lastTransitionTime', 'Time'],
    5: ['reason', 'string'],
    6: ['message', 'string'],
  },
  ServiceAccount: {
    1: ['metadata', 'ObjectMeta'],
    2: ['secrets', '[]ObjectReference'],
    3: ['imagePullSecrets', '[]LocalObjectReference'],
    4: ['automountServiceAccountToken', '*bool'],
  },
  ObjectReference: {
    1: ['kind', 'string'],
    2: ['namespace', 'string'],
    3: ['name', 'string'],
    4: ['uid', 'string'],
    5: ['apiVersion', 'string'],
    6: ['resourceVersion', 'string'],
    7: ['fieldPath', 'string'],
  },
  LocalObjectReference: {
    1: ['name', 'string'],
  },
  Lease: {
    1: ['metadata', 'ObjectMeta'],
    2: ['spec', 'LeaseSpec'],
  },
  LeaseSpec: {
    1: ['holderIdentity', '*string'],
    2: ['leaseDurationSeconds', '*int32'],
    3: ['acquireTime', '*MicroTime'],
    4: ['renewTime', '*MicroTime'],
    5: ['leaseTransitions', '*int32'],
    6: ['strategy', '*string'],
    7: ['preferredHolder', '*string'],
  },
};

const EVENTS: Messages = {
  'v1/Event': {
    1: ['metadata', 'ObjectMeta'],
    2: ['involvedObject', 'ObjectReference'],
    3: ['reason', 'string'],
    4: ['message', 'string'],
    5: ['source', 'EventSource'],
    6: ['firstTimestamp', 'Time'],
    7: ['lastTimestamp', 'Time'],
    8: ['count', 'int32'],
    9: ['type', 'string'],
    10: ['eventTime', 'MicroTime'],
    11: ['series', '*EventSeries'],
    12: ['action', 'string'],
    13: ['related', '*ObjectReference'],
    14: ['reportingComponent', 'string'],
    15: ['reportingInstance', 'string'],
  },
  EventSource: {
    1: ['component', 'string'],
    2: ['host', 'string'],
  },
  EventSeries: {
    1: ['count', 'int32'],
    2: ['lastObservedTime', 'MicroTime'],
  },
  'events.k8s.io/v1/Event': {
    1: ['metadata', 'ObjectMeta'],
    2: ['eventTime', 'MicroTime'],
    3: ['series', '*EventSeries'],
    4: ['reportingController', 'string'],
    5: ['reportingInstance', 'string'],
    6: ['action', 'string'],
    7: ['reason', 'string'],
    8: ['regarding', 'ObjectReference'],
    9: ['related', '*ObjectReference'],
    10: ['note', 'string'],
    11: ['type', 'string'],
    12: ['deprecatedSource', 'EventSource'],
    13: ['deprecatedFirstTimestamp', 'Time'],
    14: ['deprecatedLastTimestamp', 'Time'],
    15: ['deprecatedCount', 'int32'],
  },
};

const RBAC: Messages = {
  Role: {
    1: ['metadata', 'ObjectMeta'],
    2: ['rules', '[]PolicyRule'],
  },
  PolicyRule: {
    1: ['verbs', '[]string'],
    2: ['apiGroups', '[]string'],
    3: ['resources', '[]string'],
    4: ['resourceNames', '[]string'],
    5: ['nonResourceURLs', '[]string'],
  },
  ClusterRole: {
    1: ['metadata', 'ObjectMeta'],
    2: ['rules', '[]PolicyRule'],
    3: ['aggregationRule', '*AggregationRule'],
  },
  AggregationRule: {
    1: ['clusterRoleSelectors', '[]LabelSelector'],
  },
  LabelSelector: {
    1: ['matchLabels', '{}string'],
    2: ['matchExpressions', '[]LabelSelectorRequirement'],
  },
  LabelSelectorRequirement: {
    1: ['key', '!string'],
    2: ['operator', '!string'],
    3: ['values', '[]string'],
  },
  RoleBinding: {
    1: ['metadata', 'ObjectMeta'],
    2: ['subjects', '[]Subject'],
    3: ['roleRef', 'RoleRef'],
  },
  Subject: {
    1: ['kind', '!string'],
    2: ['apiGroup', 'string'],
    3: ['name', '!string'],
    4: ['namespace', 'string'],
  },
  RoleRef: {
    1: ['apiGroup', '!string'],
    2: ['kind', '!string'],
    3: ['name', '!string'],
  },
  ClusterRoleBinding: {
    1: ['metadata', 'ObjectMeta'],
    2: ['subjects', '[]Subject'],
    3: ['roleRef', 'RoleRef'],
  },
};

/** Scale, as kubectl and autoscalers write it. */
const SCALE: Messages = {
  Scale: {
    1: ['metadata', 'ObjectMeta'],
    2: ['spec', 'ScaleSpec'],
    3: ['status', 'ScaleStatus'],
  },
  ScaleSpec: {
    1: ['replicas', 'int32'],
  },
  ScaleStatus: {
    1: ['replicas', 'int32'],
    2: ['selector', 'string'],
  },
};

const MESSAGES: Messages = { ...METADATA, ...CORE, ...EVENTS, ...RBAC, ...SCALE, ...REVIEWS, ...DEFINITIONS };

/** The message of an object of that type; two groups have an Event. */
export function messageName(apiVersion: string, kind: string): string {
  return /^Event(List)?$/.test(kind) ? `${apiVersion}/${kind}` : kind;
}

/** The fields of a message. Throws ProtobufError where there is no such message. */
export function fieldsOf(message: string): Fields {
  const fields = own(MESSAGES, message) ?? listFields(message);
  if (fields === undefined)
    throw new ProtobufError(`no kind ${JSON.stringify(message)} is known in protobuf`);
  return fields;
}

/** Lists are all alike. */
function listFields(message: string): Fields | undefined {
  const item = message.endsWith('List') ? message.slice(0, -'List'.length) : '';
  return Object.hasOwn(MESSAGES, item)
    ? { 1: ['metadata', 'ListMeta'], 2: ['items', `[]${item}`] }
    : undefined;
}

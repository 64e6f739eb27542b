/** The Go structs of the built-in kinds, as k8s.io/api declares them. */

import { type GoStruct, type GoType, listOf, mapOf, pointer, texts } from '../codec/go-types.ts';
import { OBJECT_META } from '../meta/object-meta.ts';

/** A kind: its type and metadata, and the fields of its own. */
export function kindStruct(
  name: string,
  fields: Readonly<Record<string, GoType>>,
  always: readonly string[] = [],
): GoStruct {
  return { name, fields: { ...texts('kind', 'apiVersion'), metadata: OBJECT_META, ...fields }, always };
}

const TEXTS = listOf('string');
const BYTES = mapOf('bytes');

export const CONFIG_MAP = kindStruct('ConfigMap', {
  immutable: pointer('bool'),
  data: mapOf('string'),
  binaryData: BYTES,
});

export const SECRET = kindStruct('Secret', {
  immutable: pointer('bool'),
  data: BYTES,
  stringData: mapOf('string'),
  type: { named: 'v1.SecretType' },
});

const CONDITION_FIELDS = {
  status: { named: 'v1.ConditionStatus' },
  lastTransitionTime: 'time',
  ...texts('reason', 'message'),
} as const;

const NAMESPACE_CONDITION: GoStruct = {
  name: 'NamespaceCondition',
  fields: { type: { named: 'v1.NamespaceConditionType' }, ...CONDITION_FIELDS },
  always: ['type', 'status'],
};

export const NAMESPACE = kindStruct('Namespace', {
  spec: { name: 'NamespaceSpec', fields: { finalizers: listOf({ named: 'v1.FinalizerName' }) } },
  status: {
    name: 'NamespaceStatus',
    fields: { phase: { named: 'v1.NamespacePhase' }, conditions: listOf(NAMESPACE_CONDITION) },
  },
});

const REFERENCE: GoStruct = {
  name: 'ObjectReference',
  fields: {
    ...texts('kind', 'namespace', 'name'),
    uid: { named: 'types.UID' },
    ...texts('apiVersion', 'resourceVersion', 'fieldPath'),
  },
};

export const SERVICE_ACCOUNT = kindStruct('ServiceAccount', {
  secrets: listOf(REFERENCE),
  imagePullSecrets: listOf({ name: 'LocalObjectReference', fields: texts('name') }),
  automountServiceAccountToken: pointer('bool'),
});

const SOURCE: GoStruct = { name: 'EventSource', fields: texts('component', 'host') };
const SERIES: GoStruct = { name: 'EventSeries', fields: { count: 'int32', lastObservedTime: 'microTime' } };

export const CORE_EVENT = kindStruct(
  'Event',
  {
    involvedObject: REFERENCE,
    ...texts('reason', 'message'),
    source: SOURCE,
    firstTimestamp: 'time',
    lastTimestamp: 'time',
    count: 'int32',
    type: 'string',
    eventTime: 'microTime',
    series: pointer(SERIES),
    action: 'string',
    related: pointer(REFERENCE),
    ...texts('reportingComponent', 'reportingInstance'),
  },
  ['reportingComponent', 'reportingInstance'],
);

export const EVENTS_EVENT = kindStruct('Event', {
  eventTime: 'microTime',
  series: pointer({ ...SERIES, always: ['count'] }),
  ...texts('reportingController', 'reportingInstance', 'action', 'reason'),
  regarding: REFERENCE,
  related: pointer(REFERENCE),
  ...texts('note', 'type'),
  deprecatedSource: SOURCE,
  deprecatedFirstTimestamp: 'time',
  deprecatedLastTimestamp: 'time',
  deprecatedCount: 'int32',
});

export const LEASE = kindStruct('Lease', {
  spec: {
    name: 'LeaseSpec',
    fields: {
      holderIdentity: pointer('string'),
      leaseDurationSeconds: pointer('int32'),
      acquireTime: pointer('microTime'),
      renewTime: pointer('microTime'),
      leaseTransitions: pointer('int32'),
      strategy: pointer({ named: 'v1.CoordinatedLeaseStrategy' }),
      preferredHolder: pointer('string'),
    },
  },
});

const POLICY_RULE: GoStruct = {
  name: 'PolicyRule',
  fields: { verbs: TEXTS, apiGroups: TEXTS, resources: TEXTS, resourceNames: TEXTS, nonResourceURLs: TEXTS },
  always: ['verbs'],
};

const REQUIREMENT: GoStruct = {
  name: 'LabelSelectorRequirement',
  fields: { key: 'string', operator: { named: 'v1.LabelSelectorOperator' }, values: TEXTS },
  always: ['key', 'operator'],
};

const SELECTOR: GoStruct = {
  name: 'LabelSelector',
  fields: { matchLabels: mapOf('string'), matchExpressions: listOf(REQUIREMENT) },
};

const ROLE_FIELDS = { rules: listOf(POLICY_RULE) };

export const ROLE = kindStruct('Role', ROLE_FIELDS, ['rules']);

export const CLUSTER_ROLE = kindStruct(
  'ClusterRole',
  {
    ...ROLE_FIELDS,
    aggregationRule: pointer({ name: 'AggregationRule', fields: { clusterRoleSelectors: listOf(SELECTOR) } }),
  },
  ['rules'],
);

const SUBJECT: GoStruct = {
  name: 'Subject',
  fields: texts('kind', 'apiGroup', 'name', 'namespace'),
  always: ['kind', 'name'],
};

const ROLE_REF: GoStruct = {
  name: 'RoleRef',
  fields: texts('apiGroup', 'kind', 'name'),
  always: ['apiGroup', 'kind', 'name'],
};

export function bindingStruct(kind: 'RoleBinding' | 'ClusterRoleBinding'): GoStruct {
  return kindStruct(kind, { subjects: listOf(SUBJECT), roleRef: ROLE_REF });
}

import { decodeStruct, type Findings } from '../codec/go-decode.ts';
import { type GoStruct, listOf, mapOf, pointer, texts } from '../codec/go-types.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import { badRequest } from '../status-errors.ts';
import type { JsonObject, KubeObject } from '../types.ts';

const UID = { named: 'types.UID' };

const OWNER_REFERENCE: GoStruct = {
  name: 'OwnerReference',
  fields: {
    ...texts('apiVersion', 'kind', 'name'),
    uid: UID,
    controller: pointer('bool'),
    blockOwnerDeletion: pointer('bool'),
  },
  always: ['apiVersion', 'kind', 'name', 'uid'],
};

const MANAGED_FIELDS_ENTRY: GoStruct = {
  name: 'ManagedFieldsEntry',
  fields: {
    manager: 'string',
    operation: { named: 'v1.ManagedFieldsOperationType' },
    apiVersion: 'string',
    time: pointer('time'),
    fieldsType: 'string',
    fieldsV1: 'json',
    subresource: 'string',
  },
};

/** The metadata of every object. */
export const OBJECT_META: GoStruct = {
  name: 'ObjectMeta',
  fields: {
    ...texts('name', 'generateName', 'namespace', 'selfLink'),
    uid: UID,
    resourceVersion: 'string',
    generation: 'int64',
    // The one time that Go omits when it is zero, as it does a pointer that is nil.
    creationTimestamp: pointer('time'),
    deletionTimestamp: pointer('time'),
    deletionGracePeriodSeconds: pointer('int64'),
    labels: mapOf('string'),
    annotations: mapOf('string'),
    ownerReferences: listOf(OWNER_REFERENCE),
    finalizers: listOf('string'),
    // An empty list means "forget them all".
    managedFields: { list: MANAGED_FIELDS_ENTRY, keepsEmpty: true },
  },
};

/**
 * Decodes the metadata of a custom resource, which kube reads apart from the rest. Mutates: leaves it as Go writes it. A problem
 * is in the words of Go's decoder. With `lenient`, fields that do not fit are dropped instead.
 */
export function decodeMeta(object: JsonObject, lenient = false): Findings {
  const meta = object.metadata;
  if (meta === undefined || meta === null) {
    object.metadata = {};
    return { problem: undefined, unknown: [] };
  }
  if (!isJsonObject(meta)) {
    const what = Array.isArray(meta) ? 'array' : typeof meta === 'boolean' ? 'bool' : typeof meta;
    return { problem: `json: cannot unmarshal ${what} into Go value of type v1.ObjectMeta`, unknown: [] };
  }
  if (lenient) dropMisfits(meta);
  const { problem, unknown } = decodeStruct(meta, OBJECT_META);
  return { problem, unknown: unknown.map((path) => `metadata.${path}`) };
}

function dropMisfits(meta: JsonObject): void {
  for (const [name, value] of Object.entries(meta)) {
    const alone = structuredClone({ [name]: value });
    if (decodeStruct(alone, OBJECT_META).problem !== undefined) delete meta[name];
  }
}

/** Whether the value can be read as an entry of managedFields. Mutates it. */
export function isManagedFieldsEntry(value: JsonObject): boolean {
  return decodeStruct(value, MANAGED_FIELDS_ENTRY, 'converter').problem === undefined;
}

/** A parsed body whose type and metadata have been checked. */
export function asKubeObject(object: JsonObject): KubeObject {
  if (typeof object.apiVersion !== 'string' || object.apiVersion === '') {
    throw badRequest("Object 'apiVersion' is missing in the body");
  }
  if (typeof object.kind !== 'string' || object.kind === '')
    throw badRequest("Object 'Kind' is missing in the body");
  return object as unknown as KubeObject;
}

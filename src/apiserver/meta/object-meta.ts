import { badRequest } from '../status-errors.ts';
import type { JsonObject, JsonValue, KubeObject } from '../types.ts';

type Check = (value: JsonValue) => boolean;

function isRecord(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isString: Check = (value) => typeof value === 'string';
const isStringMap: Check = (value) =>
  isRecord(value) && Object.values(value).every((item) => typeof item === 'string');
const isStringList: Check = (value) => Array.isArray(value) && value.every(isString);
const isObjectList: Check = (value) => Array.isArray(value) && value.every(isRecord);
const isNumber: Check = (value) => typeof value === 'number';

/** The fields that metadata has, and what they must be. */
const FIELDS: Readonly<Record<string, readonly [check: Check, goType: string]>> = {
  name: [isString, 'string'],
  generateName: [isString, 'string'],
  namespace: [isString, 'string'],
  selfLink: [isString, 'string'],
  uid: [isString, 'types.UID'],
  resourceVersion: [isString, 'string'],
  generation: [isNumber, 'int64'],
  creationTimestamp: [isString, 'v1.Time'],
  deletionTimestamp: [isString, 'v1.Time'],
  deletionGracePeriodSeconds: [isNumber, 'int64'],
  labels: [isStringMap, 'map[string]string'],
  annotations: [isStringMap, 'map[string]string'],
  ownerReferences: [isObjectList, '[]v1.OwnerReference'],
  finalizers: [isStringList, '[]string'],
  managedFields: [isObjectList, '[]v1.ManagedFieldsEntry'],
};

/** What a body was meant to be, for the message when it cannot be that. */
interface Expected {
  readonly kind: string;
  readonly version: string;
  readonly custom: boolean;
}

function typeProblem(expected: Expected, name: string, value: JsonValue, goType: string): Error {
  const { kind, version, custom } = expected;
  const found = Array.isArray(value) ? 'array' : isRecord(value) ? 'object' : typeof value;
  // The metadata of a custom resource is decoded apart from the rest.
  const field = custom ? `ObjectMeta.${name}` : `ObjectMeta.metadata.${name}`;
  return badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: json: cannot unmarshal ${found === 'boolean' ? 'bool' : found} into Go struct field ${field} of type ${goType}`,
  );
}

/** `null` stands for "not set" in all that metadata holds, and so do empty lists and maps. */
function isUnset(value: JsonValue | undefined): boolean {
  if (value === null || value === undefined || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/**
 * Makes sure that `metadata` is metadata: throws 400 where a field has the wrong type, and removes fields that are
 * not set. `managedFields: []` stays: it means "forget them all". Unknown fields are left to pruning.
 */
export function normalizeMeta(object: JsonObject, expected: Expected): void {
  const meta = object.metadata ?? {};
  if (!isRecord(meta)) throw badRequest('metadata is not an object');
  object.metadata = meta;
  for (const [name, value] of Object.entries(meta)) {
    const field = FIELDS[name];
    if (field === undefined) continue;
    const [check, goType] = field;
    if (isUnset(value) && !(name === 'managedFields' && value !== null)) delete meta[name];
    else if (!check(value as JsonValue)) throw typeProblem(expected, name, value as JsonValue, goType);
  }
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

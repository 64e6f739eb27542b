import { own } from '../../base/own.ts';
import { type GoStruct, goKindOf } from '../codec/go-decode.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import { badRequest } from '../status-errors.ts';
import type { JsonObject, JsonValue, KubeObject } from '../types.ts';

type Check = (value: JsonValue) => boolean;

const isString: Check = (value) => typeof value === 'string';
const isStringMap: Check = (value) =>
  isJsonObject(value) && Object.values(value).every((item) => typeof item === 'string');
const isStringList: Check = (value) => Array.isArray(value) && value.every(isString);
const isObjectList: Check = (value) => Array.isArray(value) && value.every(isJsonObject);
const isNumber: Check = (value) => typeof value === 'number';

/** The fields of metadata, with their type checks. */
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

/** Metadata as a struct whose fields are left to `metaProblem`. */
export const OBJECT_META: GoStruct = {
  name: 'ObjectMeta',
  fields: Object.fromEntries(Object.keys(FIELDS).map((name) => [name, 'any'])),
};

/** The kind that a body should contain, for error messages. */
interface Expected {
  readonly kind: string;
  readonly custom: boolean;
}

function typeProblem({ custom }: Expected, name: string, value: JsonValue, goType: string): string {
  // kube decodes the metadata of a custom resource separately.
  const field = custom ? `ObjectMeta.${name}` : `ObjectMeta.metadata.${name}`;
  return `json: cannot unmarshal ${goKindOf(value)} into Go struct field ${field} of type ${goType}`;
}

/** In metadata, `null`, empty lists and empty maps all mean "not set". */
function isUnset(value: JsonValue | undefined): boolean {
  if (value === null || value === undefined || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/**
 * Why `metadata` is invalid, in the words of Go's decoder; undefined when it is valid. Removes fields that are not set.
 * `managedFields: []` stays: it means "forget them all". Unknown fields are left to pruning.
 */
export function metaProblem(object: JsonObject, expected: Expected): string | undefined {
  const meta = object.metadata ?? {};
  if (!isJsonObject(meta)) {
    const where = expected.custom ? 'value' : `struct field ${expected.kind}.metadata`;
    return `json: cannot unmarshal ${goKindOf(meta)} into Go ${where} of type v1.ObjectMeta`;
  }
  object.metadata = meta;
  for (const [name, value] of Object.entries(meta)) {
    const field = own(FIELDS, name);
    if (field === undefined) continue;
    const [check, goType] = field;
    if (isUnset(value) && !(name === 'managedFields' && value !== null)) delete meta[name];
    else if (!check(value as JsonValue)) return typeProblem(expected, name, value as JsonValue, goType);
  }
  return undefined;
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

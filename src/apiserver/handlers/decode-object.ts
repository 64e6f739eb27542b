import { pushAll } from '../../base/push-all.ts';
import { type Decoded, decodeObject, type RequestBody, withoutKind } from '../codec/decode.ts';
import { asKubeObject } from '../meta/object-meta.ts';
import { apiVersionOf, kindName, type Resource } from '../registry/resource.ts';
import { badRequest, invalid, notDecodable } from '../status-errors.ts';
import type { JsonObject, JsonValue, KubeObject } from '../types.ts';
import type { ResourceRequest } from './context.ts';
import type { WriteOptions } from './options.ts';
import { decodeTyped } from './typed.ts';

/** How many faults kube's decoder reports. */
const MAX_FAULTS = 100;

/**
 * Warnings about an object that can still be decoded: `unknown field "spec.foo"`. Unknown fields of custom resources
 * are not found by the decoder, and so not limited.
 */
export function decodingWarnings(
  duplicates: readonly string[],
  unknown: readonly string[],
  custom: boolean,
): string[] {
  const twice = duplicates.map((field) => `duplicate field ${JSON.stringify(field)}`).slice(0, MAX_FAULTS);
  const odd = unknown.map((field) => `unknown field ${JSON.stringify(field)}`);
  return [...twice, ...(custom ? odd : odd.slice(0, MAX_FAULTS - twice.length))];
}

/** The error for keys that occur twice in a YAML body, one line each. */
export function repeatedKeys(repeated: readonly string[]): string {
  return ['yaml: unmarshal errors:', ...repeated].join('\n  ');
}

/**
 * The refusal of an object with unknown or duplicate fields if the client asked for strict validation; else adds
 * warnings or ignores them, as the client asked.
 */
export function strictProblem(
  odd: readonly string[],
  { fieldValidation }: WriteOptions,
  warnings: string[],
  repeated: readonly string[] = [],
): string | undefined {
  if (fieldValidation === 'Warn') pushAll(warnings, [...repeated, ...odd]);
  const all = [...(repeated.length > 0 ? [repeatedKeys(repeated)] : []), ...odd];
  return fieldValidation === 'Strict' && all.length > 0
    ? `strict decoding error: ${all.join(', ')}`
    : undefined;
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The object's type must be the one that the URL names. */
function checkType(resource: Resource, object: JsonObject): void {
  const expected = apiVersionOf(resource);
  if (!resource.custom) {
    object.apiVersion ||= expected;
    object.kind ||= resource.kind;
  }
  if (object.apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${String(object.apiVersion ?? '')}) does not match the expected API version (${expected})`,
    );
  }
  if (object.kind !== resource.kind) {
    const detail = `must be ${resource.kind}`;
    const name = (object.metadata as JsonObject | undefined)?.name;
    throw invalid({ ...kindName(resource), name: text(object.kind) }, typeof name === 'string' ? name : '', [
      { type: 'Invalid', field: 'kind', value: object.kind, detail },
    ]);
  }
}

/** A custom resource must name its type. */
function checkTypeIsSet({ kind }: Resource, object: JsonObject, body: RequestBody): void {
  if (!object.kind) throw withoutKind(kind, body);
  if (object.apiVersion !== null) return;
  const why = '.apiVersion accessor error: <nil> is of the type <nil>, expected string';
  throw notDecodable({ kind, version: '' }, why);
}

/** Decodes the body into an object of the request's resource, treating unknown fields as the client asked. */
export function decodeResource(request: ResourceRequest, options: WriteOptions): KubeObject {
  const { resource, body, warnings } = request;
  const decoded: Decoded = decodeObject(
    body,
    { apiVersion: apiVersionOf(resource), kind: resource.kind },
    !resource.custom,
  );
  if (resource.custom) checkTypeIsSet(resource, decoded.object, body);
  checkType(resource, decoded.object);
  const { problem: misfit, unknown } = decodeTyped(resource, decoded.object);
  if (misfit !== undefined) throw notDecodable(resource, misfit);
  const odd = decodingWarnings(decoded.duplicates, unknown, resource.custom);
  const problem = strictProblem(odd, options, warnings, decoded.repeated);
  if (problem !== undefined) throw notDecodable(resource, problem);
  return asKubeObject(decoded.object);
}

/** The object's namespace must match the URL's; an absent one is filled in. */
export function settleNamespace(request: ResourceRequest, object: KubeObject): void {
  const { resource, namespace } = request;
  if (!resource.namespaced) {
    delete object.metadata.namespace;
    return;
  }
  object.metadata.namespace ??= namespace;
  if (object.metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

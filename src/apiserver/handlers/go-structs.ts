/** Built-in kinds are Go structs in kube: how Go decodes them, and which fields it omits when it encodes them. */

import { own } from '../../base/own.ts';
import type { Resource } from '../registry/resource.ts';
import type { FieldError, JsonObject, JsonSchema, JsonValue } from '../types.ts';

const TYPE_DETAIL = /in body must be of type (\w+): "(\w+)"/;

/** Go's decoding error for values that do not fit their types; undefined when all fit. */
export function decodeProblem(resource: Resource, errors: readonly FieldError[]): string | undefined {
  if (resource.custom) return undefined;
  const error = errors.find(({ type }) => type === 'TypeInvalid');
  if (error === undefined) return undefined;
  const [, wanted, found] = TYPE_DETAIL.exec(error.detail) ?? [];
  return wanted === undefined ? formatProblem(error) : mismatch(resource, error.field, found ?? '');
}

/** The error for a string that is not valid base64 or not a valid time. */
function formatProblem({ detail, value }: FieldError): string {
  if (!detail.includes('must be of type date-time')) {
    return `illegal base64 data at input byte ${badBase64Position(String(value))}`;
  }
  const quoted = JSON.stringify(value);
  return `parsing time ${quoted} as "2006-01-02T15:04:05Z07:00": cannot parse ${quoted} as "2006"`;
}

/** Where Go's base64 decoder stops: at the first invalid character, or at an incomplete last group of four. */
function badBase64Position(text: string): number {
  const strange = text.search(/[^A-Za-z0-9+/=]/);
  return strange < 0 ? Math.floor(text.length / 4) * 4 : strange;
}

function mismatch({ kind, schema }: Resource, field: string, found: string): string {
  const { path, below } = declared(schema, field.split('.'));
  const what = own(GO_KINDS, found) ?? found;
  return `json: cannot unmarshal ${what} into Go struct field ${[kind, ...path].join('.')} of type ${goType(below)}`;
}

const GO_KINDS: Readonly<Record<string, string>> = { boolean: 'bool', integer: 'number' };

/** The part of the path that names fields, without map keys, and the schema of the value. */
function declared(
  schema: JsonSchema,
  names: readonly string[],
): { path: readonly string[]; below: JsonSchema } {
  const path: string[] = [];
  let below = schema;
  for (const name of names) {
    const field = own(below.properties, name);
    const { additionalProperties: values } = below;
    if (field !== undefined) path.push(name);
    below = field ?? (typeof values === 'object' ? values : {});
  }
  return { path, below };
}

function goType({ type, format, additionalProperties, items }: JsonSchema): string {
  switch (type) {
    case 'boolean':
      return 'bool';
    case 'integer':
      return format ?? 'int32';
    case 'string':
      return format === 'byte' ? '[]uint8' : 'string';
    case 'array':
      return `[]${goType(items ?? {})}`;
    default:
      return typeof additionalProperties === 'object'
        ? `map[string]${goType(additionalProperties)}`
        : 'object';
  }
}

/** Removes empty maps and lists, as Go's `omitempty` does. Mutates. */
export function dropEmpty(object: JsonObject, schema: JsonSchema): void {
  for (const [name, below] of Object.entries(schema.properties ?? {})) {
    const value = own(object, name);
    if (isEmpty(value) && (below.type === 'array' || below.additionalProperties !== undefined)) {
      delete object[name];
    } else if (below.properties !== undefined && isRecord(value)) dropEmpty(value, below);
  }
}

function isRecord(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: JsonValue | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** In kube the built-in kinds are Go structs: how those are decoded, and what of them is written out again. */

import type { Resource } from '../registry/resource.ts';
import type { FieldError, JsonObject, JsonSchema, JsonValue } from '../types.ts';

const TYPE_DETAIL = /in body must be of type (\w+): "(\w+)"/;

/** Why an object does not even decode, for what does not fit its type; undefined when everything fits. */
export function decodeProblem(resource: Resource, errors: readonly FieldError[]): string | undefined {
  if (resource.custom) return undefined;
  const error = errors.find(({ type }) => type === 'TypeInvalid');
  if (error === undefined) return undefined;
  const [, wanted, found] = TYPE_DETAIL.exec(error.detail) ?? [];
  return wanted === undefined ? formatProblem(error) : mismatch(resource, error.field, found ?? '');
}

/** What does not have its format: text in base64, or a time. */
function formatProblem({ detail, value }: FieldError): string {
  if (!detail.includes('must be of type date-time')) {
    return `illegal base64 data at input byte ${badBase64Position(String(value))}`;
  }
  const quoted = JSON.stringify(value);
  return `parsing time ${quoted} as "2006-01-02T15:04:05Z07:00": cannot parse ${quoted} as "2006"`;
}

/** Where Go's decoder stops: at the first strange character, or at the last, incomplete four. */
function badBase64Position(text: string): number {
  const strange = text.search(/[^A-Za-z0-9+/=]/);
  return strange < 0 ? Math.floor(text.length / 4) * 4 : strange;
}

function mismatch({ kind, schema }: Resource, field: string, found: string): string {
  const { path, below } = declared(schema, field.split('.'));
  const what = GO_KINDS[found] ?? found;
  return `json: cannot unmarshal ${what} into Go struct field ${[kind, ...path].join('.')} of type ${goType(below)}`;
}

const GO_KINDS: Readonly<Record<string, string>> = { boolean: 'bool', integer: 'number' };

/** The path as far as it names fields (keys of maps are none), and the schema that the value was to have. */
function declared(
  schema: JsonSchema,
  names: readonly string[],
): { path: readonly string[]; below: JsonSchema } {
  const path: string[] = [];
  let below = schema;
  for (const name of names) {
    const field = below.properties?.[name];
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

/** Maps and lists without content are not written out (`omitempty`). Mutates. */
export function dropEmpty(object: JsonObject, schema: JsonSchema): void {
  for (const [name, below] of Object.entries(schema.properties ?? {})) {
    const value = object[name];
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

/**
 * The rules of a structural schema: every value has a type, and combinations (`allOf` and the like) only restrict
 * values. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */

import { own } from '../../base/own.ts';
import { pushAll } from '../../base/push-all.ts';
import { goRegExp } from '../schema/go-regexp.ts';
import { openApiErrors } from '../schema/openapi-rules.ts';
import type { FieldError, JsonSchema } from '../types.ts';

type Place = 'root' | 'field' | 'items';

const NO_TYPE: Readonly<Record<Place, string>> = {
  root: 'must not be empty at the root',
  field: 'must not be empty for specified object fields',
  items: 'must not be empty for specified array items',
};

/** Keywords that do more than restrict values, and so are forbidden inside a combination. */
const NOT_IN_COMBINATIONS = [
  'description',
  'title',
  'type',
  'default',
  'nullable',
  'additionalProperties',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
] as const satisfies readonly (keyof JsonSchema)[];

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const LIST_TYPES = ['atomic', 'set', 'map'];

function forbidden(field: string, detail: string): FieldError {
  return { type: 'Forbidden', field, detail };
}

/** Every reason why the schema at `path` is not structural. */
export function structuralErrors(schema: JsonSchema, path: string): FieldError[] {
  return [...valueErrors(schema, path), ...shapeErrors(schema, path, 'root')];
}

/** Settings that kube refuses everywhere. */
function valueErrors(schema: JsonSchema, path: string): FieldError[] {
  const { properties, additionalProperties, items } = schema;
  const errors: FieldError[] = [];
  if (schema.uniqueItems === true) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(forbidden(`${path}.uniqueItems`, why));
  }
  const allowsOthers = additionalProperties === undefined || additionalProperties === true;
  if (!allowsOthers && properties !== undefined) {
    const why = 'additionalProperties and properties are mutual exclusive';
    errors.push(forbidden(`${path}.additionalProperties`, why));
  }
  if (schema.type === 'array' && items === undefined) {
    errors.push({ type: 'Required', field: `${path}.items`, detail: 'must be specified' });
  }
  pushAll(errors, [...vocabularyErrors(schema, path), ...listErrors(schema, path)]);
  for (const [below, at] of children(schema, path)) pushAll(errors, valueErrors(below, at));
  return errors;
}

function oneOf(field: string, value: string | undefined, known: readonly string[]): FieldError[] {
  if (value === undefined || value === '' || known.includes(value)) return [];
  const detail = `supported values: ${known.map((name) => JSON.stringify(name)).join(', ')}`;
  return [{ type: 'NotSupported', field, value, detail }];
}

/** Invalid keyword values: unknown types and list types, invalid patterns, and defaults that their own schema refuses. */
function vocabularyErrors(schema: JsonSchema, path: string): FieldError[] {
  const { type, pattern, default: standIn } = schema;
  const types = oneOf(`${path}.type`, type, TYPES);
  const lists = oneOf(`${path}.x-kubernetes-list-type`, schema['x-kubernetes-list-type'], LIST_TYPES);
  // Patterns and defaults are checked only if the types are valid.
  if (types.length + lists.length > 0) return [...types, ...lists];
  const problem = pattern === undefined ? undefined : patternProblem(pattern);
  if (problem !== undefined) {
    const detail = `must be a valid regular expression, but isn't: ${problem}`;
    return [{ type: 'Invalid', field: `${path}.pattern`, value: pattern, detail }];
  }
  if (standIn === undefined) return [];
  return openApiErrors(schema, standIn, '', undefined).map((error) => ({
    ...error,
    field: `${path}.default`,
  }));
}

function patternProblem(pattern: string): string | undefined {
  try {
    goRegExp(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}

function listErrors(schema: JsonSchema, path: string): FieldError[] {
  const kind = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const at = `${path}.x-kubernetes-list-map-keys`;
  if (kind !== 'map') return [];
  if (keys.length === 0) {
    const detail = 'must not be empty if x-kubernetes-list-type is map';
    return [{ type: 'Required', field: at, detail }];
  }
  const { properties = {}, required = [] } = schema.items ?? {};
  if (keys.some((key) => own(properties, key) === undefined)) {
    const detail = 'entries must all be names of item properties';
    return [{ type: 'Invalid', field: at, value: keys, detail }];
  }
  return keys.flatMap((key): FieldError[] => {
    const property = own(properties, key) ?? {};
    if (required.includes(key) || property.default !== undefined) return [];
    const detail =
      'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
    return [{ type: 'Required', field: `${path}.items.properties[${key}].default`, detail }];
  });
}

/** The schemas right below, with their paths. */
function children(schema: JsonSchema, path: string): [JsonSchema, string][] {
  const { properties = {}, additionalProperties, items } = schema;
  return [
    ...Object.entries(properties).map(([name, below]): [JsonSchema, string] => [
      below,
      `${path}.properties[${name}]`,
    ]),
    ...(typeof additionalProperties === 'object'
      ? [[additionalProperties, `${path}.additionalProperties`] satisfies [JsonSchema, string]]
      : []),
    ...(items === undefined ? [] : [[items, `${path}.items`] satisfies [JsonSchema, string]]),
  ];
}

function shapeErrors(schema: JsonSchema, path: string, place: Place): FieldError[] {
  const errors = [...typeErrors(schema, path, place), ...combinationErrors(schema, path)];
  for (const [below, at] of children(schema, path)) {
    pushAll(errors, shapeErrors(below, at, at.endsWith('.items') ? 'items' : 'field'));
  }
  return errors;
}

function typeErrors(schema: JsonSchema, path: string, place: Place): FieldError[] {
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const field = `${path}.type`;
  if (place === 'root' && schema.type !== undefined && schema.type !== 'object') {
    return [{ type: 'Invalid', field, value: schema.type, detail: 'must be object at the root' }];
  }
  const mayLack = place !== 'root' && (intOrString || open);
  return schema.type || mayLack ? [] : [{ type: 'Required', field, detail: NO_TYPE[place] }];
}

function combinationErrors(schema: JsonSchema, path: string): FieldError[] {
  // The one pair of types that a combination may name: those of an int-or-string.
  if (schema['x-kubernetes-int-or-string'] === true) return [];
  const lists = (['allOf', 'anyOf', 'oneOf'] as const).flatMap((name) =>
    (schema[name] ?? []).map((part, index): [JsonSchema, string] => [part, `${path}.${name}[${index}]`]),
  );
  const parts = schema.not === undefined ? lists : [...lists, [schema.not, `${path}.not`] as const];
  return parts.flatMap(([part, at]) => partErrors(part, at));
}

function partErrors(part: JsonSchema, path: string): FieldError[] {
  const own = NOT_IN_COMBINATIONS.filter((name) => isSaid(part[name]));
  const why = (name: string): string =>
    `must be ${name === 'default' ? 'undefined' : 'empty'} to be structural`;
  return [
    ...own.map((name) => forbidden(`${path}.${name}`, why(name))),
    ...combinationErrors(part, path),
    ...children(part, path).flatMap(([below, at]) => partErrors(below, at)),
  ];
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
}

import { goKindOf } from '../codec/go-decode.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import { notDecodable } from '../status-errors.ts';
import type { JsonObject, JsonValue } from '../types.ts';

type Check = (value: JsonValue, path: string) => void;

function misfit(value: JsonValue, path: string, type: string): Error {
  const why = `json: cannot unmarshal ${goKindOf(value)} into Go struct field ${path} of type ${type}`;
  return notDecodable({ kind: 'CustomResourceDefinition', version: 'v1' }, why);
}

function scalar(kind: 'string' | 'bool' | 'number', type: string = kind): Check {
  return (value, path) => {
    if (goKindOf(value) !== kind) throw misfit(value, path, type);
  };
}

function list(check: Check, type: string): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw misfit(value, path, type);
    for (const item of value) check(item, path);
  };
}

function record(checks: ReadonlyMap<string, Check> | Check, type: string): Check {
  return (value, path) => {
    if (!isJsonObject(value)) throw misfit(value, path, type);
    for (const [name, field] of Object.entries(value)) {
      if (field === null || field === undefined) delete value[name];
      else if (typeof checks === 'function') checks(field, path);
      else checks.get(name)?.(field, `${path}.${name}`);
    }
  };
}

function each(names: readonly string[], check: Check): [string, Check][] {
  return names.map((name) => [name, check]);
}

const TEXT = scalar('string');
const TEXTS = list(TEXT, '[]string');
const RULE = new Map(each(['rule', 'message', 'messageExpression', 'reason', 'fieldPath'], TEXT));
const SCHEMA: Check = (value, path) => record(KEYWORDS, 'v1.JSONSchemaProps')(value, path);
const SCHEMAS = list(SCHEMA, '[]v1.JSONSchemaProps');
const NUMBERS = ['minimum', 'maximum', 'multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems'];
const FLAGS = ['nullable', 'uniqueItems', 'exclusiveMinimum', 'exclusiveMaximum'];
const EXTENSIONS = ['preserve-unknown-fields', 'int-or-string', 'embedded-resource'];

const KEYWORDS: ReadonlyMap<string, Check> = new Map([
  ...each(['type', 'format', 'title', 'description', 'pattern'], TEXT),
  ...each(['x-kubernetes-list-type', 'x-kubernetes-map-type'], TEXT),
  ...each([...NUMBERS, 'minProperties', 'maxProperties'], scalar('number', 'float64')),
  ...each([...FLAGS, ...EXTENSIONS.map((name) => `x-kubernetes-${name}`)], scalar('bool')),
  ...each(['required', 'x-kubernetes-list-map-keys'], TEXTS),
  ...each(['allOf', 'anyOf', 'oneOf'], SCHEMAS),
  ...each(['not', 'items'], SCHEMA),
  ['enum', list(() => undefined, '[]v1.JSON')],
  ['properties', record(SCHEMA, 'map[string]v1.JSONSchemaProps')],
  ['additionalProperties', (value, path) => (typeof value === 'boolean' ? undefined : SCHEMA(value, path))],
  ['x-kubernetes-validations', list(record(RULE, 'v1.ValidationRule'), '[]v1.ValidationRule')],
]);

/** Throws 400 when a keyword of a schema in a definition has a value of another type. Mutates: a null is dropped. */
export function checkShape(schema: JsonObject): void {
  SCHEMA(schema, 'JSONSchemaProps');
}

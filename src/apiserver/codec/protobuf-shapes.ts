import { own } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { isJsonObject } from './merge-patch.ts';

/** How JSON writes a message that is not an object there. */
interface Shape {
  readonly toJson: (message: JsonObject) => JsonValue;
  readonly fromJson: (value: JsonValue) => JsonObject;
}

/** A message that stands for its one field. */
function only(field: string, empty: JsonValue): Shape {
  return { toJson: (message) => own(message, field) ?? empty, fromJson: (value) => ({ [field]: value }) };
}

const TEXTS = only('items', []);
const RAW = only('raw', null);

/** A schema, or a list of what `field` holds. */
function schemaOr(field: string): Shape {
  return {
    toJson: (message) => own(message, field) ?? message.schema ?? null,
    fromJson: (value) => (isJsonObject(value) ? { schema: value } : { [field]: value }),
  };
}

const SHAPES: Readonly<Record<string, Shape>> = {
  ExtraValue: TEXTS,
  Verbs: TEXTS,
  FieldsV1: RAW,
  JSON: RAW,
  JSONSchemaPropsOrArray: schemaOr('jSONSchemas'),
  JSONSchemaPropsOrStringArray: schemaOr('property'),
  JSONSchemaPropsOrBool: {
    toJson: ({ schema, allows }) => schema ?? allows === true,
    fromJson: (value) => (isJsonObject(value) ? { allows: true, schema: value } : { allows: value }),
  },
};

/** The message as JSON has it. */
export function toJson(name: string, message: JsonObject): JsonValue {
  const shape = own(SHAPES, name);
  return shape === undefined ? message : shape.toJson(message);
}

/** The fields of a message, from what JSON has in its place. */
export function fromJson(name: string, value: JsonValue): JsonObject {
  const shape = own(SHAPES, name);
  if (shape !== undefined) return shape.fromJson(value);
  return isJsonObject(value) ? value : {};
}

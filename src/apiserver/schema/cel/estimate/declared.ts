/** What a schema says about the size of its values: at most so many, and at least so long when written as JSON. */

import type { JsonSchema } from '../../../types.ts';
import { escapeField } from '../escape.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  objectOf,
  STRING,
  TIMESTAMP,
  type Type,
} from './types.ts';

/** The values of a schema. */
export interface Declared {
  readonly type: Type;
  /** Characters of a text (at most four bytes each), items of a list, entries of a map; 0 of all else. */
  readonly maxElements: bigint;
  /** The bytes that the smallest value takes in a request. */
  readonly minBytes: number;
  /** Of a list or map. */
  readonly items?: Declared;
  /** Of a map. */
  readonly keys?: Declared;
  /** Of an object, by their names in rules. */
  readonly fields?: ReadonlyMap<string, Declared>;
}

/** The largest request, on which kube-apiserver's estimates rest. */
const MAX_REQUEST_BYTES = 3 * 1024 * 1024;
const MAX_TEXT = MAX_REQUEST_BYTES - 2;
const TEXT: JsonSchema = { type: 'string' };

function scalar(type: Type, minBytes: number, maxElements = 0): Declared {
  return { type, minBytes, maxElements: atLeastZero(maxElements) };
}

/** Converts schemas, each once. */
export class Declarer {
  readonly #known = new Map<JsonSchema, Declared | undefined>();

  /** Undefined of what rules cannot see. `root`: the schema of a whole resource. */
  declare(schema: JsonSchema, root = false): Declared | undefined {
    if (this.#known.has(schema)) return this.#known.get(schema);
    const made = this.#make(schema, root || schema['x-kubernetes-embedded-resource'] === true);
    this.#known.set(schema, made);
    return made;
  }

  #make(schema: JsonSchema, resource: boolean): Declared | undefined {
    if (schema['x-kubernetes-int-or-string'] === true) return scalar(DYN, 1, maxText(schema));
    switch (schema.type) {
      case 'array':
        return this.#list(schema);
      case 'object':
        return typeof schema.additionalProperties === 'object'
          ? this.#map(schema, schema.additionalProperties)
          : this.#object(resource ? withTypeAndName(schema) : schema);
      case 'string':
        return textOf(schema);
      case 'boolean':
        return scalar(BOOL, 4);
      case 'number':
        return scalar(DOUBLE, 1);
      case 'integer':
        return scalar(INT, 1);
      default:
        return undefined;
    }
  }

  #list(schema: JsonSchema): Declared | undefined {
    const items = schema.items === undefined ? undefined : this.declare(schema.items);
    if (items === undefined) return undefined;
    const maxElements = schema.maxItems ?? Math.floor(MAX_TEXT / (items.minBytes + 1));
    return { type: listOf(items.type), minBytes: 2, maxElements: atLeastZero(maxElements), items };
  }

  #map(schema: JsonSchema, values: JsonSchema): Declared | undefined {
    const items = this.declare(values);
    if (items === undefined) return undefined;
    // Each entry has a key of at least no characters in quotes, a colon, a comma and two bytes more.
    const maxElements = schema.maxProperties ?? Math.floor(MAX_TEXT / (items.minBytes + 6));
    const type = mapOf(STRING, items.type);
    return { type, minBytes: 2, maxElements: atLeastZero(maxElements), items, keys: scalar(STRING, 2) };
  }

  #object({ properties = {}, required = [] }: JsonSchema): Declared {
    const fields = new Map<string, Declared>();
    let minBytes = 2;
    for (const [name, property] of Object.entries(properties)) {
      const field = this.declare(property);
      if (field === undefined) continue;
      const escaped = escapeField(name);
      if (escaped !== undefined) fields.set(escaped, field);
      const isSent = required.includes(name) && (property.default ?? null) === null;
      if (isSent) minBytes += Buffer.byteLength(name) + field.minBytes + 4;
    }
    const type = objectOf(new Map([...fields].map(([name, field]) => [name, field.type])));
    return { type, minBytes, maxElements: 0n, fields };
  }
}

/** Of a resource's metadata, rules see the names alone, and what the schema says of these counts only if it has both. */
function withTypeAndName(schema: JsonSchema): JsonSchema {
  const { kind, apiVersion, metadata } = schema.properties ?? {};
  const { name, generateName } = metadata?.properties ?? {};
  const isComplete =
    metadata?.type === 'object' &&
    [kind, apiVersion, name, generateName].every((text) => text?.type === 'string');
  if (isComplete) return schema;
  const names: JsonSchema = { type: 'object', properties: { name: TEXT, generateName: TEXT } };
  return { ...schema, properties: { ...schema.properties, kind: TEXT, apiVersion: TEXT, metadata: names } };
}

function textOf(schema: JsonSchema): Declared {
  switch (schema.format) {
    case 'byte':
      return scalar(BYTES, 2, schema.maxLength ?? MAX_TEXT);
    case 'duration':
      return scalar(DURATION, 3, 32);
    case 'date':
      return scalar(TIMESTAMP, 12, 12);
    case 'date-time':
      return scalar(TIMESTAMP, 21, 32);
    default:
      return scalar(STRING, 2, maxText(schema));
  }
}

/** A character takes at most four bytes. */
function maxText({ maxLength, enum: values = [], ...schema }: JsonSchema): number {
  if (maxLength !== undefined) return 4 * maxLength;
  if (values.length === 0 || schema['x-kubernetes-int-or-string'] === true) return MAX_TEXT;
  return Math.max(0, ...values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)));
}

function atLeastZero(count: number): bigint {
  return BigInt(Math.trunc(Math.max(0, count)));
}

/** How often values below may be there, at most, for each value of the schema; undefined without a bound. */
export function maxChildren(schema: JsonSchema): bigint | undefined {
  const { type, additionalProperties, maxProperties, maxItems } = schema;
  const max = type === 'array' ? maxItems : maxProperties;
  if (type !== 'array' && (type !== 'object' || additionalProperties === undefined)) return 1n;
  return max === undefined ? undefined : atLeastZero(max);
}

/** How often values of this size fit into the largest request. */
export function maxInRequest({ minBytes }: Declared): bigint {
  return BigInt(Math.floor(MAX_REQUEST_BYTES / (minBytes + 1)));
}

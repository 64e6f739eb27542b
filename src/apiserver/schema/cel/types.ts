/**
 * CEL types from schemas, and CEL values from JSON: integers become BigInt by their schema, formats become
 * timestamps, durations and bytes, objects become instances of the type that their schema declares.
 */

import { type Environment, evaluate } from '@marcbachmann/cel-js';
import type { JsonSchema, JsonValue } from '../../types.ts';
import { goRegExp } from '../go-regexp.ts';
import { isObject } from '../json.ts';
import { celEqual } from './equal.ts';
import { escapeField } from './escape.ts';

/** How CEL sees the values of a schema. */
export interface CelType {
  /** As CEL's signatures write it: `list<int>`. */
  readonly name: string;
  toCel(value: JsonValue): unknown;
}

const text: JsonSchema = { type: 'string' };

const dyn: CelType = { name: 'dyn', toCel: dynamic };

/** Values without a declared type, as in int-or-string. */
function dynamic(value: JsonValue): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(dynamic);
  if (isObject(value)) {
    return new Map(Object.entries(value).map(([key, item]) => [key, dynamic(item ?? null)]));
  }
  return value;
}

/** Declares the types of one schema and all below it in an environment. */
export class TypeDeclarer {
  private readonly environment: Environment;
  private readonly declared = new Map<JsonSchema, CelType>();
  private count = 0;

  constructor(environment: Environment) {
    this.environment = environment;
  }

  /** Undefined for schemas without a type, which rules cannot see. `root`: the schema of a whole resource. */
  declare(schema: JsonSchema, root = false): CelType | undefined {
    const known = this.declared.get(schema);
    if (known !== undefined) return known;
    const type = this.make(schema, root || schema['x-kubernetes-embedded-resource'] === true);
    if (type !== undefined) this.declared.set(schema, type);
    return type;
  }

  private make(schema: JsonSchema, resource: boolean): CelType | undefined {
    if (schema['x-kubernetes-int-or-string'] === true) return dyn;
    switch (schema.type) {
      case 'array':
        return this.list(schema);
      case 'object':
        return this.object(resource ? withTypeAndName(schema) : schema);
      case 'string':
        return textType(schema.format ?? '');
      case 'boolean':
        return { name: 'bool', toCel: (value) => value };
      case 'number':
        return { name: 'double', toCel: (value) => value };
      case 'integer':
        return {
          name: 'int',
          toCel: (value) => (typeof value === 'number' ? BigInt(Math.trunc(value)) : value),
        };
      default:
        return undefined;
    }
  }

  private list(schema: JsonSchema): CelType | undefined {
    const items = schema.items === undefined ? undefined : this.member(schema.items);
    if (items === undefined) return undefined;
    return {
      name: `list<${items.name}>`,
      toCel: (value) => (Array.isArray(value) ? value.map((item) => items.toCel(item)) : value),
    };
  }

  private object(schema: JsonSchema): CelType | undefined {
    if (typeof schema.additionalProperties === 'object') return this.map(schema.additionalProperties);
    const fields = new Map<string, readonly [escaped: string, type: CelType]>();
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const escaped = escapeField(name);
      const type = this.declare(property);
      if (escaped !== undefined && type !== undefined) fields.set(name, [escaped, type]);
    }
    return this.message(fields);
  }

  private map(values: JsonSchema): CelType | undefined {
    const type = this.member(values);
    if (type === undefined) return undefined;
    const convert = (value: JsonValue): unknown =>
      isObject(value)
        ? new Map(Object.entries(value).map(([key, item]) => [key, type.toCel(item ?? null)]))
        : value;
    return { name: `map<string, ${type.name}>`, toCel: convert };
  }

  private message(fields: ReadonlyMap<string, readonly [string, CelType]>): CelType {
    // The library distinguishes types by their constructors, so each type needs its own.
    const Message = class extends Map<string, unknown> {};
    this.count += 1;
    const name = `Object${this.count}`;
    const types = Object.fromEntries([...fields.values()].map(([escaped, type]) => [escaped, type.name]));
    this.environment.registerType(name, { ctor: Message, fields: types });
    this.environment.registerOperator(`${name} == ${name}`, celEqual);
    this.environment.registerOperator(`${name} == null`, celEqual);
    return {
      name,
      toCel: (value) => {
        if (!isObject(value)) return value;
        const message = new Message();
        for (const [key, item] of Object.entries(value)) {
          const field = fields.get(key);
          // A null counts as absent: rules ask for it with has().
          if (field !== undefined && item !== undefined && item !== null) {
            message.set(field[0], field[1].toCel(item));
          }
        }
        return message;
      },
    };
  }

  /** The type of a list's or map's items; dynamic where null is allowed. */
  private member(schema: JsonSchema): CelType | undefined {
    const type = this.declare(schema);
    if (type === undefined || schema.nullable !== true) return type;
    return { name: 'dyn', toCel: (value) => (value === null ? null : type.toCel(value)) };
  }
}

/** Of a resource's metadata, rules see only apiVersion, kind, name and generateName. */
function withTypeAndName(schema: JsonSchema): JsonSchema {
  const metadata: JsonSchema = { type: 'object', properties: { name: text, generateName: text } };
  return { ...schema, properties: { ...schema.properties, apiVersion: text, kind: text, metadata } };
}

function textType(format: string): CelType {
  switch (format) {
    case 'byte':
      return {
        name: 'bytes',
        toCel: (value) => (typeof value === 'string' ? Buffer.from(value, 'base64') : value),
      };
    case 'duration':
      return {
        name: 'google.protobuf.Duration',
        toCel: (value) => (typeof value === 'string' ? parseDuration(value) : value),
      };
    case 'date':
    case 'date-time':
      return {
        name: 'google.protobuf.Timestamp',
        toCel: (value) => (typeof value === 'string' ? new Date(value) : value),
      };
    default:
      return { name: 'string', toCel: (value) => value };
  }
}

const UNITS: readonly (readonly [pattern: RegExp, milliseconds: number])[] = [
  [/^(ns|nano.*)$/i, 1e-6],
  [/^(us|µs|μs|micro.*)$/i, 1e-3],
  [/^(ms|milli.*)$/i, 1],
  [/^(s|sec.*)$/i, 1000],
  [/^(m|min.*)$/i, 60_000],
  [/^(h|hr|hour.*)$/i, 3_600_000],
  [/^(d|day.*)$/i, 86_400_000],
  [/^(w|wk|week.*)$/i, 604_800_000],
];

const DURATION_PART = goRegExp('(\\d+\\.?\\d*|\\.\\d+)\\s*([A-Za-zµμ]+)');

/** Go's and Scala's durations, as the library's own kind of value. */
function parseDuration(value: string): unknown {
  let milliseconds = 0;
  for (const [, amount, unit = ''] of DURATION_PART.matchAll(value)) {
    const factor = UNITS.find(([pattern]) => pattern.test(unit))?.[1] ?? 0;
    milliseconds += Number(amount) * factor;
  }
  const sign = value.startsWith('-') ? '-' : '';
  return evaluate('duration(text)', { text: `${sign}${milliseconds.toFixed(6)}ms` });
}

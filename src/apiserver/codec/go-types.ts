/**
 * The types of Kubernetes' own kinds, which are Go structs: how Go names them, what their zero values are, and which fields
 * it leaves out when it writes them as JSON.
 */

import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { isJsonObject } from './merge-patch.ts';

export type GoScalar = 'string' | 'bool' | 'int32' | 'int64' | 'float64';

/**
 * A Go type: a scalar, bytes (base64 in JSON), a time (in whole seconds or in microseconds), any JSON, a text with a name
 * (`types.UID`), a list (which may have a name), a map from string, a pointer, a struct, or one of several types.
 */
export type GoType =
  | GoScalar
  | 'bytes'
  | 'time'
  | 'microTime'
  | 'json'
  | { readonly named: string }
  | { readonly list: GoType; readonly name?: string; readonly keepsEmpty?: true }
  | { readonly map: GoType; readonly name?: string }
  | { readonly pointer: GoType }
  | { readonly choice: Choice }
  | GoStruct;

/** A type that decodes itself: it takes some kinds of JSON value, and reads each as a type of its own. */
export interface Choice {
  readonly object?: GoType;
  readonly array?: GoType;
  readonly takesBool?: true;
  /** What Go says of every other value; without it such a value counts as none. */
  readonly refusal?: string;
}

export interface GoStruct {
  readonly name: string;
  /** In the order of the Go declaration. Getters, where a struct contains itself. */
  readonly fields: Readonly<Record<string, GoType>>;
  /** Fields that are written even when they are empty: those without `omitempty`. */
  readonly always?: readonly string[];
}

export function pointer(type: GoType): GoType {
  return { pointer: type };
}

export function listOf(type: GoType): GoType {
  return { list: type };
}

export function mapOf(type: GoType): GoType {
  return { map: type };
}

/** Fields of the same type. */
export function fieldsOf<Name extends string>(
  type: GoType,
  ...names: readonly Name[]
): Readonly<Record<Name, GoType>> {
  return Object.fromEntries(names.map((name) => [name, type])) as Record<Name, GoType>;
}

export function texts<Name extends string>(...names: readonly Name[]): Readonly<Record<Name, GoType>> {
  return fieldsOf('string', ...names);
}

/** The JSON of the zero value: what an absent field holds. */
export function zeroOf(type: GoType): JsonValue {
  if (typeof type === 'string') {
    if (type === 'string' || type === 'bytes') return '';
    if (type === 'bool') return false;
    return type === 'time' || type === 'microTime' || type === 'json' ? null : 0;
  }
  if ('named' in type) return '';
  return 'fields' in type ? zeroStruct(type) : null;
}

/** The struct with nothing set, as Go writes it. */
export function zeroStruct(struct: GoStruct): JsonObject {
  return written({}, struct);
}

/** The struct as Go writes it: zero values where fields are absent, and without those that it omits. */
export function written(values: JsonObject, { fields, always = [] }: GoStruct): JsonObject {
  const result: JsonObject = {};
  for (const [name, type] of Object.entries(fields)) {
    const value = own(values, name) ?? zeroOf(type);
    if (always.includes(name) || !isOmitted(value, type)) setOwn(result, name, value);
  }
  return result;
}

function isOmitted(value: JsonValue, type: GoType): boolean {
  if (typeof type === 'object') {
    if ('fields' in type) return false;
    if ('pointer' in type) return value === null;
    if ('list' in type && type.keepsEmpty) return value === null;
    if ('map' in type && isJsonObject(value)) return Object.keys(value).length === 0;
    if ('choice' in type) return value === null;
  }
  // Times are structs, which Go never omits.
  if (type === 'time' || type === 'microTime') return false;
  if (type === 'json') return value === null;
  return value === null || value === '' || value === 0 || value === false || isEmptyList(value);
}

function isEmptyList(value: JsonValue): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The type as Go's messages name it. */
export function goName(type: GoType): string {
  if (typeof type === 'string') return SCALAR_NAMES[type] ?? type;
  if ('named' in type) return type.named;
  if ('map' in type) return type.name === undefined ? `map[string]${goName(type.map)}` : `v1.${type.name}`;
  if ('pointer' in type) return goName(type.pointer);
  if ('list' in type) return type.name === undefined ? `[]${goName(type.list)}` : `v1.${type.name}`;
  return 'choice' in type ? '' : `v1.${type.name}`;
}

/** Times decode a string; of what Go has another name for. */
const SCALAR_NAMES: Readonly<Record<string, string>> = {
  bytes: '[]uint8',
  time: 'string',
  microTime: 'string',
  json: 'v1.JSON',
};

/**
 * Kubernetes' own kinds are Go structs. Objects of these kinds are decoded as Go does: unknown fields are dropped, null
 * means "not set", and a value of the wrong type is refused in the words of Go's decoder.
 */

import { own } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { isJsonObject } from './merge-patch.ts';

export interface GoStruct {
  readonly name: string;
  readonly fields: Readonly<Record<string, GoType>>;
}

/** A Go type: a scalar, a list (which may have a name), a map from string, a struct, or a type that other code checks. */
export type GoType =
  | 'any'
  | 'string'
  | 'bool'
  | { readonly list: GoType; readonly name?: string }
  | { readonly map: GoType }
  | GoStruct;

/** The type error and the unknown fields of a value. */
interface Findings {
  /** The first value of a wrong type, as Go reports it. */
  problem: string | undefined;
  /** Paths of unknown fields: `spec.shoe`. */
  readonly unknown: string[];
}

/** The position of a value: the struct that holds it and the path to it, without map keys. */
interface Place {
  readonly struct: string;
  readonly path: string;
}

/** Decodes an object as the struct. Mutates: removes unknown fields and nulls. */
export function decodeStruct(object: JsonObject, struct: GoStruct): Findings {
  const findings: Findings = { problem: undefined, unknown: [] };
  decodeFields(object, struct, '', findings);
  return findings;
}

function decodeFields(
  object: JsonObject,
  { name: struct, fields }: GoStruct,
  at: string,
  to: Findings,
): void {
  for (const [name, value] of Object.entries(object)) {
    const type = own(fields, name);
    const path = at === '' ? name : `${at}.${name}`;
    if (type === undefined) to.unknown.push(path);
    if (type === undefined || value === null) delete object[name];
    else if (value !== undefined) decodeValue(value, type, { struct, path }, to);
  }
}

function decodeValue(value: JsonValue, type: GoType, place: Place, to: Findings): void {
  if (value === null) return;
  if (typeof type === 'string') {
    if (type !== 'any' && goKindOf(value) !== type) mismatch(value, type, place, to);
  } else if ('list' in type) {
    if (!Array.isArray(value)) mismatch(value, type, place, to);
    else for (const item of value) decodeValue(item, type.list, place, to);
  } else if (!isJsonObject(value)) mismatch(value, type, place, to);
  else if ('map' in type) {
    for (const item of Object.values(value)) decodeValue(item ?? null, type.map, place, to);
  } else decodeFields(value, type, place.path, to);
}

function mismatch(value: JsonValue, type: GoType, { struct, path }: Place, to: Findings): void {
  to.problem ??= `json: cannot unmarshal ${goKindOf(value)} into Go struct field ${struct}.${path} of type ${goName(type)}`;
}

/** What Go calls the kind of a JSON value. */
export function goKindOf(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function goName(type: GoType): string {
  if (typeof type === 'string') return type;
  if ('map' in type) return `map[string]${goName(type.map)}`;
  if ('list' in type) return type.name === undefined ? `[]${goName(type.list)}` : `v1.${type.name}`;
  return `v1.${type.name}`;
}

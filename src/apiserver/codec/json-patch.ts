/**
 * JSON patch (RFC 6902) as kube-apiserver's library applies it, which accepts more than the RFC: an absent field can be
 * replaced, copied (as null) and tested for null; a negative index counts from the end of a list.
 */

import { isDeepStrictEqual } from 'node:util';
import { own, setOwn } from '../../base/own.ts';
import { badRequest } from '../status-errors.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { goJsonBytes } from './go-json-bytes.ts';
import { isJsonObject } from './merge-patch.ts';

/** An operation cannot be carried out; clients get no further detail, as from kube. */
export class JsonPatchError extends Error {}

type Holder = JsonObject | JsonValue[];

const TEXTS = ['op', 'path', 'from'] as const;
const FIELDS: readonly string[] = [...TEXTS, 'value'];

/** Reads operations: each is an object or null, with strings where strings belong. Throws 400. */
export function readOperations(sent: JsonValue): (JsonObject | null)[] {
  if (!Array.isArray(sent)) throw undecodable('object', 'value of type []handlers.jsonPatchOp');
  return sent.map((operation) => {
    if (operation === null) return null;
    if (!isJsonObject(operation)) throw undecodable(goKind(operation), 'value of type handlers.jsonPatchOp');
    for (const name of TEXTS) {
      const text = operation[name] ?? '';
      if (typeof text === 'string') continue;
      throw undecodable(goKind(text), `struct field jsonPatchOp.${name} of type string`);
    }
    return operation;
  });
}

function undecodable(found: string, wanted: string): Error {
  return badRequest(`error decoding patch: json: cannot unmarshal ${found} into Go ${wanted}`);
}

function goKind(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Unknown fields of operations, the first hundred as in kube: `json patch unknown field "[0].more"`. */
export function unknownFields(operations: readonly (JsonObject | null)[]): string[] {
  const all = operations.flatMap((operation, index) =>
    Object.keys(operation ?? {})
      .filter((name) => !FIELDS.includes(name))
      .map((name) => `json patch unknown field ${JSON.stringify(`[${index}].${name}`)}`),
  );
  return all.slice(0, 100);
}

/** The most bytes of JSON that the copies of one patch may add, as in kube: a value that is copied into itself doubles each time. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

/** Applies all operations to the document in place and returns it; does not change the operations. Throws a JsonPatchError. */
export function applyJsonPatch(document: JsonValue, operations: readonly (JsonObject | null)[]): JsonValue {
  let copiedBytes = 0;
  const copy = (value: JsonValue): JsonValue => {
    const json = JSON.stringify(value);
    copiedBytes += value === null ? 0 : goJsonBytes(json);
    if (copiedBytes > MAX_COPIED_BYTES) throw new JsonPatchError('the copies are too large');
    return JSON.parse(json) as JsonValue;
  };
  const patched = operations.reduce<JsonValue>(
    (before, operation) => applied(before, operation ?? {}, copy),
    document,
  );
  if (isTooDeep(patched)) throw new JsonPatchError('the result is nested too deeply');
  return patched;
}

/** Moves can nest values without end; bodies may have as many levels. */
const MAX_DEPTH = 1000;

function isTooDeep(value: JsonValue): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return true;
    level = level
      .flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
      .filter((one) => one !== undefined);
  }
  return false;
}

function applied(
  document: JsonValue,
  operation: JsonObject,
  copy: (value: JsonValue) => JsonValue,
): JsonValue {
  const { op, value = null } = operation;
  const path = textOf(operation, 'path');
  switch (op) {
    case 'add':
      insert(placeAt(document, path), structuredClone(value));
      return document;
    case 'remove':
      take(placeAt(document, path));
      return document;
    case 'replace':
      if (path === '') return structuredClone(asHolder(value));
      put(placeAt(document, path), structuredClone(value));
      return document;
    case 'move': {
      const moved = take(placeAt(document, textOf(operation, 'from')));
      insert(placeAt(document, path), moved);
      return document;
    }
    case 'copy': {
      const from = valueAt(placeAt(document, textOf(operation, 'from')));
      insert(placeAt(document, path), copy(from));
      return document;
    }
    case 'test':
      if (!isDeepStrictEqual(path === '' ? document : valueAt(placeAt(document, path)), value)) {
        throw new JsonPatchError('the test fails');
      }
      return document;
    default:
      throw new JsonPatchError('no such operation');
  }
}

function textOf(operation: JsonObject, name: 'path' | 'from'): string {
  const text = operation[name];
  if (typeof text !== 'string') throw new JsonPatchError(`no ${name}`);
  return text;
}

/** An object's field or a list's item; it may be absent. */
interface Place {
  readonly holder: Holder;
  readonly key: string;
}

/** Text before a pointer's first slash is ignored; a pointer without a slash points nowhere. */
function placeAt(document: JsonValue, pointer: string): Place {
  const [, ...keys] = pointer.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const key = keys.pop();
  if (key === undefined) throw new JsonPatchError('the pointer has no slash');
  let holder = asHolder(document);
  for (const one of keys) holder = asHolder(valueAt({ holder, key: one }));
  if (!Array.isArray(holder) && key === '__proto__') throw new JsonPatchError('no field has that name');
  return { holder, key };
}

function asHolder(value: JsonValue): Holder {
  if (typeof value !== 'object' || value === null) throw new JsonPatchError('neither an object nor a list');
  return value;
}

/** Reads an index into a list of `length`; throws when it is out of range. */
function indexIn(length: number, key: string): number {
  const index = /^[+-]?\d+$/.test(key) ? Number(key) : Number.NaN;
  const counted = index < 0 ? index + length : index;
  if (!(counted >= 0 && counted < length)) throw new JsonPatchError('no such index');
  return counted;
}

/** An absent field reads as null. */
function valueAt({ holder, key }: Place): JsonValue {
  if (Array.isArray(holder)) return holder[indexIn(holder.length, key)] ?? null;
  return own(holder, key) ?? null;
}

function put({ holder, key }: Place, value: JsonValue): void {
  if (Array.isArray(holder)) holder[indexIn(holder.length, key)] = value;
  else setOwn(holder, key, value);
}

function insert({ holder, key }: Place, value: JsonValue): void {
  if (!Array.isArray(holder)) setOwn(holder, key, value);
  else if (key === '-') holder.push(value);
  else holder.splice(indexIn(holder.length + 1, key), 0, value);
}

function take(place: Place): JsonValue {
  const { holder, key } = place;
  const value = valueAt(place);
  if (Array.isArray(holder)) holder.splice(indexIn(holder.length, key), 1);
  else if (Object.hasOwn(holder, key)) delete holder[key];
  else throw new JsonPatchError('nothing to remove');
  return value;
}

/**
 * Validation by the OpenAPI part of a schema: types, bounds, formats, combinations. It reproduces kube-openapi's errors
 * exactly, because clients and people know them.
 */

import { isSameJson } from '../../base/equality.ts';
import { own } from '../../base/own.ts';
import type { FieldError, JsonObject, JsonSchema, JsonValue } from '../types.ts';
import { formatCheck } from './formats.ts';
import { childPath, correlatedItem, isObject, jsonKey, schemaOfKey } from './json.ts';
import { checkNumber } from './number-rules.ts';
import { invalid, Result, typeInvalid } from './result.ts';
import { checkFormat, checkString } from './string-rules.ts';

/**
 * The value before an update. Errors of unchanged values are dropped (ratcheting), so that objects stay editable under a
 * stricter schema.
 */
export interface Before {
  readonly value: JsonValue | undefined;
}

/** All errors of a value. `before` is absent where the value has no old counterpart. */
export function openApiErrors(
  schema: JsonSchema,
  value: JsonValue,
  path: string,
  before: Before | undefined,
): readonly FieldError[] {
  return ratcheted(schema, value, path, before).errors;
}

function ratcheted(schema: JsonSchema, value: JsonValue, path: string, before: Before | undefined): Result {
  const result = check(schema, value, path, before);
  const unchanged = before !== undefined && sameAs(schema, value, before.value);
  return result.errors.length > 0 && unchanged ? new Result() : result;
}

/** Equality that matches items of map-type lists by their keys, regardless of order. */
export function sameAs(schema: JsonSchema, value: JsonValue, old: JsonValue | undefined): boolean {
  if (Array.isArray(value) && Array.isArray(old)) {
    if (schema['x-kubernetes-list-type'] !== 'map') return isSameJson(value, old);
    const items = schema.items;
    if (value.length !== old.length || items === undefined) return false;
    return value.every((item) => {
      const other = correlatedItem(schema, item, old);
      return other !== undefined && sameAs(items, item, other);
    });
  }
  if (isObject(value) && isObject(old)) {
    const keys = Object.keys(value);
    if (keys.length !== Object.keys(old).length) return false;
    return keys.every((key) => {
      const below = schemaOfKey(schema, key);
      const item = own(value, key);
      return (
        below !== undefined &&
        item !== undefined &&
        Object.hasOwn(old, key) &&
        sameAs(below, item, own(old, key))
      );
    });
  }
  return isSameJson(value, old);
}

function check(schema: JsonSchema, value: JsonValue, path: string, before: Before | undefined): Result {
  const result = new Result();
  const types = typesOf(schema);
  const format = effectiveFormat(schema, types);
  if (types.length > 0 || format !== '') result.merge(checkType(schema, types, format, value, path)).inc();
  if (value !== null) {
    result.merge(checkCombinations(schema, value, path, before)).inc();
    if (typeof value === 'string') {
      result.merge(checkString(schema, value, path)).inc();
      result.merge(checkFormat(format, value, path));
    }
    if (typeof value === 'number') {
      result.merge(checkNumber(schema, types, format, value, path)).inc();
    }
    if (Array.isArray(value)) result.merge(checkItems(schema, value, path, before)).inc();
  }
  result.merge(checkEnum(schema, value, path)).inc();
  if (isObject(value)) result.merge(checkObject(schema, value, path, before)).inc();
  return result.inc();
}

function typesOf(schema: JsonSchema): readonly string[] {
  if (schema['x-kubernetes-int-or-string'] === true) return ['integer', 'string'];
  return schema.type === undefined || schema.type === '' ? [] : [schema.type];
}

function effectiveFormat(schema: JsonSchema, types: readonly string[]): string {
  const format = schema.format ?? '';
  const [type = ''] = types.length === 1 ? types : [];
  if (type === 'integer') return format === 'int32' || format === 'int64' ? format : '';
  if (type === 'number') return format === 'float' || format === 'double' ? format : '';
  if (type !== '' && type !== 'string') return '';
  return formatCheck(format) === undefined ? '' : format;
}

/** Whether Go decodes the number as an integer; larger integers become floats. */
function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

function typeOf(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return isInt64(value) ? 'integer' : 'number';
  return typeof value;
}

function checkType(
  schema: JsonSchema,
  types: readonly string[],
  format: string,
  value: JsonValue,
  path: string,
): Result {
  const result = new Result().inc();
  if (value === null) {
    if (types.length > 0 && schema.nullable !== true) result.add(typeInvalid(path, types.join(','), 'null'));
    return result;
  }
  const actual = typeOf(value);
  const numeric = types.includes('integer') || types.includes('number');
  const fits = types.includes(actual) || (actual === 'integer' && types.includes('number'));
  const textual = typeof value === 'string' || Array.isArray(value);
  if (format !== '' && !textual && !fits) {
    const goFormat = typeof value === 'number' ? (isInt64(value) ? 'int64' : 'float64') : '';
    return result.add(typeInvalid(path, format, goFormat));
  }
  if (format !== '' && textual && !numeric) return result;
  return fits ? result : result.add(typeInvalid(path, types.join(','), actual));
}

function checkEnum(schema: JsonSchema, value: JsonValue, path: string): Result {
  const result = new Result();
  const allowed = schema.enum ?? [];
  if (allowed.length === 0 || (value !== null && allowed.some((item) => isSameJson(item, value))))
    return result;
  const names = allowed.map((item) => JSON.stringify(typeof item === 'string' ? item : JSON.stringify(item)));
  return result.add({
    type: 'NotSupported',
    field: path,
    value,
    detail: `supported values: ${names.join(', ')}`,
  });
}

function checkItems(
  schema: JsonSchema,
  items: readonly JsonValue[],
  path: string,
  before: Before | undefined,
): Result {
  const result = new Result();
  for (const [index, item] of items.entries()) {
    if (schema.items === undefined) break;
    const old = correlatedItem(schema, item, before?.value);
    const itemBefore = old === undefined ? undefined : { value: old };
    result.merge(ratcheted(schema.items, item, `${path}[${index}]`, itemBefore));
  }
  const { minItems, maxItems } = schema;
  if (minItems !== undefined && items.length < minItems) {
    result.add(invalid(path, items.length, `${path} in body should have at least ${minItems} items`));
  }
  if (maxItems !== undefined && items.length > maxItems) result.add(tooMany(path, items.length, maxItems));
  if (schema.uniqueItems === true && new Set(items.map(jsonKey)).size < items.length) {
    result.add(invalid(path, '', `${path} in body shouldn't contain duplicates`));
  }
  return result.inc();
}

function tooMany(path: string, count: number, limit: number): FieldError {
  return { type: 'TooMany', field: path, value: count, detail: `must have at most ${limit} items` };
}

function checkObject(
  schema: JsonSchema,
  object: JsonObject,
  path: string,
  before: Before | undefined,
): Result {
  const result = new Result();
  const keys = Object.keys(object);
  const { minProperties, maxProperties } = schema;
  if (minProperties !== undefined && keys.length < minProperties) {
    result.add(
      invalid(path, keys.length, `${path} in body should have at least ${minProperties} properties`),
    );
  }
  if (maxProperties !== undefined && keys.length > maxProperties)
    result.add(tooMany(path, keys.length, maxProperties));
  const properties = schema.properties ?? {};
  const extra = keys.filter((key) => !Object.hasOwn(properties, key));
  for (const key of [...extra, ...Object.keys(properties)]) {
    const item = own(object, key);
    const below = schemaOfKey(schema, key);
    if (below === undefined || item === undefined) continue;
    result.merge(ratcheted(below, item, childPath(path, key), beforeKey(path, key, before)));
  }
  if (schema.additionalProperties === false) {
    for (const key of extra) {
      result.add(invalid(path, key, `${path}.${key} in body is a forbidden property`));
    }
  }
  for (const key of schema.required ?? []) {
    if (own(object, key) === undefined)
      result.add({ type: 'Required', field: childPath(path, key), detail: '' });
  }
  return result;
}

/** Type fields are not compared: both sides were converted to the same version. */
function beforeKey(path: string, key: string, before: Before | undefined): Before | undefined {
  if (path === '' && (key === 'apiVersion' || key === 'kind')) return undefined;
  const old = before?.value;
  return isObject(old) && own(old, key) !== undefined ? { value: own(old, key) } : undefined;
}

function checkCombinations(
  schema: JsonSchema,
  value: JsonValue,
  path: string,
  before: Before | undefined,
): Result {
  const result = new Result();
  const of = (schemas: readonly JsonSchema[] | undefined): Result[] =>
    (schemas ?? []).map((part) => check(part, value, path, before));
  checkAnyOf(of(schema.anyOf), path, result);
  checkOneOf(of(schema.oneOf), path, result);
  checkAllOf(of(schema.allOf), path, result);
  if (schema.not !== undefined && check(schema.not, value, path, before).errors.length === 0) {
    result.addComposite(`"${path}" must not validate the schema (not)`);
  }
  return result.inc();
}

function checkAnyOf(parts: readonly Result[], path: string, result: Result): void {
  if (parts.length === 0) return;
  const success = parts.find((part) => part.errors.length === 0);
  if (success === undefined) result.addComposite(`"${path}" must validate at least one schema (anyOf)`);
  result.merge(success ?? bestFailure(parts));
}

function checkOneOf(parts: readonly Result[], path: string, result: Result): void {
  if (parts.length === 0) return;
  const valid = parts.filter((part) => part.errors.length === 0);
  if (valid.length === 1) {
    result.merge(valid[0]);
    return;
  }
  const found = valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`;
  result.addComposite(`"${path}" must validate one and only one schema (oneOf). ${found}`);
  if (valid.length === 0) result.merge(bestFailure(parts));
}

function checkAllOf(parts: readonly Result[], path: string, result: Result): void {
  for (const part of parts) result.merge(part);
  const valid = parts.filter((part) => part.errors.length === 0).length;
  if (valid === parts.length) return;
  const none = valid === 0 ? '. None validated' : '';
  result.addComposite(`"${path}" must validate all the schemas (allOf)${none}`);
}

/** The alternative that matched best: its errors are the most helpful. */
function bestFailure(parts: readonly Result[]): Result | undefined {
  let best: Result | undefined;
  for (const part of parts) {
    if (best === undefined || part.matches > best.matches) best = part;
  }
  return best;
}

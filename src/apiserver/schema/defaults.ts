/** Defaulting as the API server does it, nulls included. */

import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonSchema, JsonValue } from '../types.ts';
import { cloneJson, isObject, schemaOfKey } from './json.ts';

/**
 * Fills in defaults, in place. A null where null is not allowed counts as absent: the default replaces it, or it is
 * removed if there is none. With `keepNulls` it stays, so that validation refuses it.
 */
export function applyDefaults(schema: JsonSchema, object: JsonObject, keepNulls: boolean): void {
  if (!keepNulls) dropNulls(object, schema);
  fill(object, schema);
}

function refused(value: JsonValue | undefined, schema: JsonSchema | undefined): boolean {
  return value === null && schema !== undefined && schema.nullable !== true;
}

function dropNulls(value: JsonValue | undefined, schema: JsonSchema | undefined): void {
  if (Array.isArray(value)) for (const item of value) dropNulls(item, schema?.items);
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    const below = schemaOfKey(schema, key);
    if (refused(own(value, key), below) && below?.default === undefined) delete value[key];
    else dropNulls(own(value, key), below);
  }
}

function fill(value: JsonValue | undefined, schema: JsonSchema | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) fillItems(value, schema.items);
  else if (isObject(value)) fillKeys(value, schema);
}

function fillItems(items: JsonValue[], schema: JsonSchema | undefined): void {
  for (const [index, item] of items.entries()) {
    if (refused(item, schema) && schema?.default !== undefined) items[index] = cloneJson(schema.default);
    fill(items[index], schema);
  }
}

function fillKeys(object: JsonObject, schema: JsonSchema): void {
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const absent = own(object, key) === undefined || refused(own(object, key), property);
    if (absent && property.default !== undefined) setOwn(object, key, cloneJson(property.default));
  }
  for (const key of Object.keys(object)) {
    const below = schemaOfKey(schema, key);
    if (refused(own(object, key), below) && below?.default !== undefined)
      setOwn(object, key, cloneJson(below.default));
    fill(own(object, key), below);
  }
}

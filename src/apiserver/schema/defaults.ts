/** Defaulting as the API server does it, nulls included. */

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
    if (refused(value[key], below) && below?.default === undefined) delete value[key];
    else dropNulls(value[key], below);
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
    const absent = object[key] === undefined || refused(object[key], property);
    if (absent && property.default !== undefined) object[key] = cloneJson(property.default);
  }
  for (const key of Object.keys(object)) {
    const below = schemaOfKey(schema, key);
    if (refused(object[key], below) && below?.default !== undefined) object[key] = cloneJson(below.default);
    fill(object[key], below);
  }
}

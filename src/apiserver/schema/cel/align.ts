/** Sorts the old items of sets and map-type lists, whose order does not count, into the order of the new ones. */

import { own, setOwn } from '../../../base/own.ts';
import type { JsonObject, JsonSchema, JsonValue } from '../../types.ts';
import { correlatedItem, isObject, jsonKey, schemaOfKey } from '../json.ts';

/**
 * The old value in an order in which `self == oldSelf` holds if only the order of a set or map-type list has changed:
 * CEL in Kubernetes compares these lists regardless of order.
 */
export function alignOld(schema: JsonSchema, value: JsonValue, old: JsonValue): JsonValue {
  if (Array.isArray(value) && Array.isArray(old)) return alignItems(schema, value, old);
  return isObject(value) && isObject(old) ? alignFields(schema, value, old) : old;
}

function alignFields(schema: JsonSchema, value: JsonObject, old: JsonObject): JsonObject {
  const aligned: JsonObject = { ...old };
  for (const [key, item] of Object.entries(value)) {
    const below = schemaOfKey(schema, key);
    const before = own(old, key);
    if (below !== undefined && item !== undefined && before !== undefined)
      setOwn(aligned, key, alignOld(below, item, before));
  }
  return aligned;
}

function alignItems(schema: JsonSchema, items: JsonValue[], old: JsonValue[]): JsonValue[] {
  if (items.length !== old.length) return old;
  if (schema['x-kubernetes-list-type'] === 'set') {
    const known = new Set(old.map(jsonKey));
    return items.every((item) => known.has(jsonKey(item))) ? items : old;
  }
  const { items: itemSchema } = schema;
  if (schema['x-kubernetes-list-type'] !== 'map' || itemSchema === undefined) return old;
  const matched = items.map((item) => ({ item, before: correlatedItem(schema, item, old) }));
  if (matched.some(({ before }) => before === undefined)) return old;
  return matched.flatMap(({ item, before }) =>
    before === undefined ? [] : [alignOld(itemSchema, item, before)],
  );
}

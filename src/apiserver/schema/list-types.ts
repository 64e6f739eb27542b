/** Items of sets and map-type lists must be unique. */

import { own, setOwn } from '../../base/own.ts';
import type { FieldError, JsonObject, JsonSchema, JsonValue } from '../types.ts';
import { childPath, isObject, jsonKey } from './json.ts';

/** Duplicates in lists declared as sets or maps; each value is reported once, at its second occurrence. */
export function listTypeErrors(schema: JsonSchema, value: JsonValue | undefined, path = ''): FieldError[] {
  if (Array.isArray(value)) {
    const items = value.flatMap((item, index) =>
      schema.items === undefined ? [] : listTypeErrors(schema.items, item, `${path}[${index}]`),
    );
    return [...uniquenessErrors(schema, value, path), ...items];
  }
  if (!isObject(value)) return [];
  const extra = schema.additionalProperties;
  return Object.entries(value).flatMap(([key, item]) => {
    const property = own(schema.properties, key);
    if (property !== undefined) return listTypeErrors(property, item, childPath(path, key));
    return typeof extra === 'object' ? listTypeErrors(extra, item, `${path}[${key}]`) : [];
  });
}

function uniquenessErrors(schema: JsonSchema, items: readonly JsonValue[], path: string): FieldError[] {
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set') return duplicates(items, path);
  if (listType !== 'map') return [];
  const odd = items.findIndex((item) => item !== null && !isObject(item));
  if (odd >= 0) {
    const detail = 'must be an object for an array of list-type map';
    return [{ type: 'Invalid', field: `${path}[${odd}]`, value: items[odd], detail }];
  }
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  return duplicates(
    items.map((item) => keysOf(names, item)),
    path,
  );
}

function keysOf(names: readonly string[], item: JsonValue): JsonObject {
  const keys: JsonObject = {};
  for (const name of names) {
    const value = isObject(item) ? own(item, name) : undefined;
    if (value !== undefined) setOwn(keys, name, value);
  }
  return keys;
}

function duplicates(items: readonly JsonValue[], path: string): FieldError[] {
  const seen = new Map<string, number>();
  return items.flatMap((item, index): FieldError[] => {
    const key = jsonKey(item);
    const earlier = seen.get(key) ?? 0;
    seen.set(key, earlier + 1);
    return earlier === 1 ? [{ type: 'Duplicate', field: `${path}[${index}]`, value: item, detail: '' }] : [];
  });
}

/** Helpers on JSON values for code that walks schemas. */

import { isSameJson } from '../../base/equality.ts';
import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonSchema, JsonValue } from '../types.ts';

/** Whether the value is an object (null is none). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A deep copy; several times faster than `structuredClone` on plain JSON. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(cloneJson) as T;
  // Object spread keeps a field called __proto__ as a field.
  const copy = { ...value } as Record<string, unknown>;
  for (const name of Object.keys(copy)) {
    const field = own(copy, name);
    if (typeof field === 'object' && field !== null) setOwn(copy, name, cloneJson(field));
  }
  return copy as T;
}

/** The schema of a key: a declared property's, else that of additional properties. */
export function schemaOfKey(schema: JsonSchema | undefined, key: string): JsonSchema | undefined {
  const declared = own(schema?.properties, key);
  if (declared !== undefined) return declared;
  const extra = schema?.additionalProperties;
  return typeof extra === 'object' ? extra : undefined;
}

/** `spec` + `name` → `spec.name`; at the root just the name. */
export function childPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** The old item with the same keys as a new item of a map-type list; undefined if there is none. */
export function correlatedItem(
  schema: JsonSchema,
  item: JsonValue,
  old: JsonValue | undefined,
): JsonValue | undefined {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys.length === 0) return undefined;
  if (!Array.isArray(old) || !isObject(item) || keys.some((key) => own(item, key) === undefined))
    return undefined;
  return old.find(
    (other) => isObject(other) && keys.every((key) => isSameJson(own(other, key), own(item, key))),
  );
}

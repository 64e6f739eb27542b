import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';

/** Splits the simple JSONPath of subresources and selectable fields, `.spec.replicas`, into field names. */
export function fieldPath(jsonPath: string): string[] {
  if (!/^(\.[A-Za-z_][-\w]*)+$/.test(jsonPath)) {
    throw new Error(`${JSON.stringify(jsonPath)} is not a path of field names such as .spec.replicas`);
  }
  return jsonPath.slice(1).split('.');
}

/** The value at a path of field names; undefined if there is none. */
export function valueAt(object: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = object;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = own(value, name);
  }
  return value;
}

/** Sets the value at a path, creating objects on the way. Mutates. */
export function setValueAt(object: JsonObject, path: readonly string[], value: JsonValue | undefined): void {
  const [name, ...rest] = path;
  if (name === undefined) return;
  if (rest.length === 0) {
    if (value === undefined) delete object[name];
    else setOwn(object, name, value);
    return;
  }
  const next = own(object, name);
  const inner: JsonObject = typeof next === 'object' && next !== null && !Array.isArray(next) ? next : {};
  setOwn(object, name, inner);
  setValueAt(inner, rest, value);
}

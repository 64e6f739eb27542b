import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * JSON merge patch (RFC 7386) as kube's library applies it: null removes, objects merge, everything else replaces. Does not change
 * its arguments. Beyond the RFC, a value that replaces anything but an object loses the nulls in its objects, also of those in lists.
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(target)) return withoutNulls(patch);
  if (!isJsonObject(patch)) return patch;
  const merged: JsonObject = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete merged[name];
    else setOwn(merged, name, mergePatch(own(merged, name), value));
  }
  return merged;
}

function withoutNulls(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  return Object.fromEntries(kept.map(([name, field]) => [name, withoutNulls(field as JsonValue)]));
}

import { isRecord } from './json.ts';
import { own } from './own.ts';

/** Whether two values are the same JSON. An undefined field counts as absent. */
export function isSameJson(a: unknown, b: unknown): boolean {
  // Most comparisons are between versions of one object, which share many parts.
  if (Object.is(a, b) || a === b) {
    return true;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSameJson(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) {
    return false;
  }
  return (
    Object.keys(a).every((name) => isSameJson(own(a, name), own(b, name))) &&
    Object.keys(b).every((name) => own(b, name) === undefined || Object.hasOwn(a, name))
  );
}

/**
 * Whether `whole` has every field of `part` with the same value; it may have more fields, such as defaults. Lists must have
 * the same length, and are compared item by item in the same way.
 */
export function containsJson(whole: unknown, part: unknown): boolean {
  if (part === undefined) {
    return true;
  }
  if (Array.isArray(whole) && Array.isArray(part)) {
    return whole.length === part.length && part.every((item, index) => containsJson(whole[index], item));
  }
  if (isRecord(whole) && isRecord(part)) {
    return Object.keys(part).every((name) => containsJson(own(whole, name), own(part, name)));
  }
  return isSameJson(whole, part);
}

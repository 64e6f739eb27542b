import { isRecord } from './is-record.ts';

/** Whether two values are the same JSON: an undefined field is one that is not there. */
export function isSameJson(a: unknown, b: unknown): boolean {
  // What is compared are mostly versions of one object, which share a good deal.
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
    Object.keys(a).every((name) => isSameJson(a[name], b[name])) &&
    Object.keys(b).every((name) => b[name] === undefined || Object.hasOwn(a, name))
  );
}

/**
 * Whether `whole` has every field of `part` with the same value. Lists count as one value: within them nothing
 * may be missing, but their objects may have more fields (defaults).
 */
export function containsJson(whole: unknown, part: unknown): boolean {
  if (part === undefined) {
    return true;
  }
  if (Array.isArray(whole) && Array.isArray(part)) {
    return whole.length === part.length && part.every((item, index) => containsJson(whole[index], item));
  }
  if (isRecord(whole) && isRecord(part)) {
    return Object.keys(part).every((name) => containsJson(whole[name], part[name]));
  }
  return isSameJson(whole, part);
}

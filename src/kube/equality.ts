/** Whether two values are the same JSON: an undefined field is one that is not there. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSameJson(item, b[index]));
  }
  if (isRecord(a) && isRecord(b)) {
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...names].every((name) => isSameJson(a[name], b[name]));
  }
  return Object.is(a, b) || a === b;
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

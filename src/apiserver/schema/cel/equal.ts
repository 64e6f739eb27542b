/** Equality of CEL values: objects by their fields, numbers across types, opaque values by their own `equals`. */

interface Comparable {
  equals(other: unknown): boolean;
}

function isComparable(value: unknown): value is Comparable {
  return (
    typeof value === 'object' && value !== null && 'equals' in value && typeof value.equals === 'function'
  );
}

/** Deep equality; the order of items counts, that of fields does not. */
export function celEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if ((typeof a === 'bigint' && typeof b === 'number') || (typeof a === 'number' && typeof b === 'bigint')) {
    return Number(a) === Number(b);
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => celEqual(item, b[index]));
  }
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && celEqual(value, b.get(key)));
  }
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (isComparable(a)) return a.equals(b);
  return sameDuration(a, b);
}

/** The library's durations; their class is not in its types. */
function sameDuration(a: unknown, b: unknown): boolean {
  const isDuration = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && 'addDuration' in value;
  return isDuration(a) && isDuration(b) && a.valueOf() === b.valueOf();
}

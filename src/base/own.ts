/**
 * Fields by names that come from outside. `record[name]` also finds what every object inherits (`constructor`, `toString`), and
 * `record['__proto__'] = value` replaces the prototype; these two read and write fields only. scripts/own-fields.test.ts refuses
 * the other way.
 */

/** The record's own field of that name. */
export function own<Value>(
  record: Readonly<Record<string, Value>> | null | undefined,
  name: string,
): Value | undefined {
  return record != null && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Sets the record's own field of that name. */
export function setOwn<Value>(record: Record<string, Value>, name: string, value: Value): void {
  if (name !== '__proto__') record[name] = value;
  else Object.defineProperty(record, name, { value, writable: true, enumerable: true, configurable: true });
}

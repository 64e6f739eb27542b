/**
 * Path elements of managed fields, in the notation of FieldsV1: `f:name` is a field, `k:{"name":"web"}` an item of a
 * map-type list, `v:"x"` an item of a set, `i:0` an index. The notation is the element: equal elements are equal
 * strings, because values are always written the same way.
 */

import { own } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';

export type PathElement = string;

/** JSON as Go's encoder writes it: keys sorted, and `<`, `>`, `&` and the two line separators escaped. */
function encodeValue(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map(encodeValue).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.keys(value).toSorted();
    return `{${fields.map((name) => `${encodeValue(name)}:${encodeValue(own(value, name))}`).join(',')}}`;
  }
  return JSON.stringify(value ?? null).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The element of a struct field or of a key of a map. */
export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

/** The element of an item of a map-type list; `keys` holds the values of its key fields. */
export function keyElement(keys: JsonObject): PathElement {
  return `k:${encodeValue(keys)}`;
}

/** The element of an item of a set. */
export function valueElement(value: JsonValue): PathElement {
  return `v:${encodeValue(value)}`;
}

/** The field's name if the element is a field. */
export function fieldNameOf(element: PathElement): string | undefined {
  return element.startsWith('f:') ? element.slice(2) : undefined;
}

/** Normalises an element that any client may have stored; undefined for an unknown kind of element, which kube ignores. */
export function normaliseElement(text: string): PathElement | undefined {
  const rest = text.slice(2);
  switch (text.slice(0, 2)) {
    case 'f:':
    case 'i:':
      return text;
    case 'k:':
      return keyElement(JSON.parse(rest) as JsonObject);
    case 'v:':
      return valueElement(JSON.parse(rest) as JsonValue);
    default:
      return undefined;
  }
}

const KINDS = 'fkvi';

/** The order in which kube writes elements: by kind, then by value, numbers as numbers. */
export function compareElements(a: PathElement, b: PathElement): number {
  const byKind = KINDS.indexOf(a.charAt(0)) - KINDS.indexOf(b.charAt(0));
  if (byKind !== 0) return byKind;
  if (a.startsWith('f:')) return compareText(a, b);
  if (a.startsWith('k:')) return compareKeys(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
  return compareScalars(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function compareScalars(a: JsonValue | undefined, b: JsonValue | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareText(String(a), String(b));
}

function compareKeys(a: JsonObject, b: JsonObject): number {
  const namesA = Object.keys(a);
  const namesB = Object.keys(b);
  for (let index = 0; index < Math.min(namesA.length, namesB.length); index++) {
    const nameA = namesA[index] ?? '';
    const nameB = namesB[index] ?? '';
    const order = compareText(nameA, nameB) || compareScalars(own(a, nameA), own(b, nameB));
    if (order !== 0) return order;
  }
  return namesA.length - namesB.length;
}

/** The path as kube prints it in conflicts: `.spec.services[name="web"].replicas`. */
export function printPath(path: readonly PathElement[]): string {
  return path.map(printElement).join('');
}

/** kube prints nothing for a map, which cannot be a key. */
function isMap(value: JsonValue | undefined): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One element as kube prints it: `.spec`, `[name="web"]`, `[="x"]`, `[0]`. */
export function printElement(element: PathElement): string {
  const rest = element.slice(2);
  switch (element.charAt(0)) {
    case 'f':
      return `.${rest}`;
    case 'k':
      return `[${Object.entries(JSON.parse(rest) as JsonObject)
        .map(([name, value]) => `${name}=${isMap(value) ? '' : JSON.stringify(value)}`)
        .join(',')}]`;
    case 'v':
      return `[=${JSON.stringify(JSON.parse(rest))}]`;
    default:
      return `[${rest}]`;
  }
}

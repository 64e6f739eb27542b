/** Shared by all code that walks a value along its type: the shape of a value and the identity of a list's items. */

import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { keyElement, type PathElement, valueElement } from './elements.ts';
import type { ListType, MapType, MergeType } from './merge-type.ts';

/** A type reduced to the one shape that a value has. */
export type Shape =
  | { readonly kind: 'map'; readonly map: MapType }
  | { readonly kind: 'list'; readonly list: ListType }
  | { readonly kind: 'scalar'; readonly scalar: string };

/** Whether the value is an object (null is none). */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The shape of a value of this type; null and absent values fit every shape, so the type's first shape is used. */
export function shapeOf(type: MergeType, value: JsonValue | undefined): Shape {
  const { scalar, list, map } = type;
  if (Array.isArray(value) && list !== undefined) return { kind: 'list', list };
  if (isObject(value) && map !== undefined) return { kind: 'map', map };
  const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  if (plain && scalar !== undefined) return { kind: 'scalar', scalar };
  if (map !== undefined) return { kind: 'map', map };
  if (scalar !== undefined) return { kind: 'scalar', scalar };
  return { kind: 'list', list: list ?? { relationship: 'atomic', keys: [], element: type } };
}

/** Why an item of an associative list has no identity. */
export class ItemError extends Error {}

/**
 * The path element that identifies an item of a set or map-type list. Throws an ItemError, worded as kube does, for
 * an item that has no identity.
 */
export function itemElement(list: ListType, item: JsonValue | undefined): PathElement {
  if (list.relationship === 'set') return setElement(item);
  if (item === null) throw new ItemError('associative list with keys may not have a null element');
  if (!isObject(item)) throw new ItemError('associative list with keys may not have non-map elements');
  const keys: JsonObject = {};
  for (const name of list.keys) {
    // A null key counts as present; validation refuses it later.
    const value = own(item, name) === undefined ? list.element.map?.defaultOf(name) : own(item, name);
    if (value !== undefined) setOwn(keys, name, value);
  }
  if (list.keys.length > 0 && Object.keys(keys).length === 0) {
    const names = list.keys.map((name) => JSON.stringify(name)).join(' ');
    throw new ItemError(
      `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    );
  }
  return keyElement(keys);
}

function setElement(item: JsonValue | undefined): PathElement {
  if (item === null || item === undefined) {
    throw new ItemError("associative list without keys has an element that's an explicit null");
  }
  if (Array.isArray(item)) throw new ItemError('not supported: associative list with lists as elements');
  if (isObject(item)) throw new ItemError("associative list without keys has an element that's a map type");
  return valueElement(item);
}

/** Items by identity, in order of first appearance; items without an identity are left out. */
export function groupItems(
  list: ListType,
  items: readonly JsonValue[] | undefined,
): Map<PathElement, JsonValue[]> {
  const groups = new Map<PathElement, JsonValue[]>();
  for (const item of items ?? []) {
    const element = tryItemElement(list, item);
    if (element === undefined) continue;
    groups.set(element, [...(groups.get(element) ?? []), item]);
  }
  return groups;
}

/** The item's identity, or undefined if it has none. */
export function tryItemElement(list: ListType, item: JsonValue): PathElement | undefined {
  try {
    return itemElement(list, item);
  } catch (error) {
    if (error instanceof ItemError) return undefined;
    throw error;
  }
}

/** The type of the value under a key of a map. */
export function typeOfKey(map: MapType, name: string): MergeType | undefined {
  return map.field(name) ?? map.element;
}

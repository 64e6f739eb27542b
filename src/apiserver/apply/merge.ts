/** Merges one value into another, and removes paths from a value. */

import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { fieldElement, type PathElement } from './elements.ts';
import { EMPTY, type FieldSet, isEmpty } from './fieldset.ts';
import { deduced, type ListType, type MapType, type MergeType } from './merge-type.ts';
import { groupItems, isObject, shapeOf, tryItemElement, typeOfKey } from './walk.ts';

type Side = JsonValue | undefined;

/** Merges `config` into `live`: config's leaves win; items and keys of both stay. */
export function mergeValues(type: MergeType, live: Side, config: Side): Side {
  const shape = config === undefined ? shapeOf(type, live) : shapeOf(type, config);
  switch (shape.kind) {
    case 'scalar':
      return pick(live, config);
    case 'list':
      return mergeLists(shape.list, live, config);
    case 'map':
      return mergeMaps(shape.map, live, config);
  }
}

/** Config's value if it has one; null counts as a value. */
function pick(live: Side, config: Side): Side {
  return config === undefined ? live : config;
}

function mergeMaps(map: MapType, live: Side, config: Side): Side {
  const left = isObject(live) ? live : {};
  const right = isObject(config) ? config : {};
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  if (map.atomic || keys.size === 0) return pick(live, config);
  const merged: JsonObject = {};
  for (const key of keys) {
    if (own(left, key) === undefined && own(right, key) === undefined) continue;
    const value = mergeValues(typeOfKey(map, key) ?? deduced, own(left, key), own(right, key));
    if (value !== undefined) setOwn(merged, key, value);
  }
  return merged;
}

function mergeLists(list: ListType, live: Side, config: Side): Side {
  const left = Array.isArray(live) ? live : [];
  const right = Array.isArray(config) ? config : [];
  if (list.relationship === 'atomic' || left.length + right.length === 0) return pick(live, config);
  return mergeItems(list, left, right);
}

/**
 * Merges the items of both lists. Config decides the order of the items that it names; items that only `live` has keep
 * their place between their neighbours.
 */
function mergeItems(list: ListType, left: readonly JsonValue[], right: readonly JsonValue[]): JsonValue[] {
  const lefts = groupItems(list, left);
  const rights = groupItems(list, right);
  const order = [...rights.keys()];
  const shared = order.filter((element) => lefts.has(element));
  const merged: JsonValue[] = [];
  const take = (element: PathElement): void => {
    const olds = lefts.get(element) ?? [];
    // Duplicates are no single item to merge with: config's item replaces all of them.
    const value = mergeValues(
      list.element,
      olds.length === 1 ? olds[0] : undefined,
      rights.get(element)?.[0],
    );
    if (value !== undefined) merged.push(value);
  };
  let next = 0;
  for (const item of left) {
    const element = tryItemElement(list, item);
    if (element === undefined) continue;
    if (!rights.has(element)) merged.push(item);
    else if (element === shared[0]) {
      // Config's new items before this one go first, in config's order.
      while (next < order.length) {
        const candidate: PathElement = order[next] ?? element;
        next += 1;
        take(candidate);
        if (candidate === element) break;
      }
      shared.shift();
    }
  }
  for (const element of order.slice(next)) take(element);
  return merged;
}

/**
 * The value without the paths of `toRemove`. A map or list that loses all its content without being removed itself
 * becomes null, as in kube; validation then reports that null is not allowed there.
 */
export function removePaths(type: MergeType, value: JsonValue, toRemove: FieldSet): JsonValue {
  const shape = shapeOf(type, value);
  switch (shape.kind) {
    case 'scalar':
      return value;
    case 'list':
      if (!Array.isArray(value) || shape.list.relationship === 'atomic') return null;
      return removeItems(shape.list, value, toRemove);
    case 'map':
      if (!isObject(value) || shape.map.atomic) return null;
      return removeKeys(shape.map, value, toRemove);
  }
}

function removeItems(list: ListType, items: readonly JsonValue[], toRemove: FieldSet): JsonValue {
  const kept = items.flatMap((item) => {
    const element = tryItemElement(list, item);
    const below = element === undefined ? EMPTY : (toRemove.children.get(element) ?? EMPTY);
    if (below.owned) return [];
    return [isEmpty(below) ? item : removePaths(list.element, item, below)];
  });
  return kept.length === 0 ? null : kept;
}

function removeKeys(map: MapType, value: JsonObject, toRemove: FieldSet): JsonValue {
  const kept: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    const below = toRemove.children.get(fieldElement(key)) ?? EMPTY;
    if (below.owned || item === undefined) continue;
    setOwn(kept, key, isEmpty(below) ? item : removePaths(typeOfKey(map, key) ?? deduced, item, below));
  }
  return Object.keys(kept).length === 0 ? null : kept;
}

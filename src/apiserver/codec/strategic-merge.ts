import { own, setOwn } from '../../base/own.ts';
import { ApiError, badRequest } from '../status-errors.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { goKindOf } from './go-decode.ts';
import { goText } from './go-text.ts';
import { isJsonObject } from './merge-patch.ts';

/** Merge keys of lists in a strategic merge patch, by the list's path: `metadata.ownerReferences` merges by `uid`. */
export type MergeKeys = Readonly<Record<string, string>>;

const DIRECTIVE = '$patch';
const RETAIN = '$retainKeys';
const DELETE_PREFIX = '$deleteFromPrimitiveList/';
const ORDER_PREFIX = '$setElementOrder/';

/** Lists of plain values that merge as sets. */
const PRIMITIVE_SETS: readonly string[] = ['metadata.finalizers'];

/** The path of a child: `metadata` + `labels`. */
function under(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/**
 * Strategic merge patch: a merge patch that knows which lists merge by key, with the directives `$patch`,
 * `$retainKeys`, `$deleteFromPrimitiveList/…` and `$setElementOrder/…`. Changes nothing in place.
 * https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
export function strategicMerge(
  target: JsonObject,
  patch: JsonObject,
  keys: MergeKeys,
  path = '',
): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive === 'delete') return {};
  const merged = retained({ ...target }, patch[RETAIN]);
  for (const [name, value] of Object.entries(patch)) {
    if (name === DIRECTIVE || name === RETAIN || name.startsWith(ORDER_PREFIX)) continue;
    if (name.startsWith(DELETE_PREFIX)) {
      const list = name.slice(DELETE_PREFIX.length);
      setOwn(merged, list, without(own(merged, list), value));
    } else if (value === null || value === undefined) delete merged[name];
    else if (own(merged, name) === undefined && Array.isArray(value)) setOwn(merged, name, value.map(asNew));
    else setOwn(merged, name, mergeValue(own(merged, name), value, keys, under(path, name)));
  }
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(ORDER_PREFIX)) continue;
    const list = name.slice(ORDER_PREFIX.length);
    setOwn(merged, list, ordered(own(merged, list), order, own(keys, under(path, list))));
  }
  return merged;
}

function mergeValue(
  target: JsonValue | undefined,
  patch: JsonValue,
  keys: MergeKeys,
  path: string,
): JsonValue {
  if (isJsonObject(patch)) return strategicMerge(isJsonObject(target) ? target : {}, patch, keys, path);
  if (!Array.isArray(patch)) return patch;
  const key = own(keys, path);
  const present = Array.isArray(target) ? target : [];
  if (key === undefined && !PRIMITIVE_SETS.includes(path)) return patch;
  if (new Set([...present, ...patch].map(kindOf)).size > 1) {
    throw failure(`list element types are not identical: ${goText([present, patch])}`);
  }
  return key === undefined ? union(present, patch) : mergeList(present, patch, key, keys, path);
}

function mergeList(
  target: JsonValue[],
  patch: JsonValue[],
  key: string,
  keys: MergeKeys,
  path: string,
): JsonValue[] {
  const items = patch.map((item) => {
    if (!isJsonObject(item)) throw badRequest(`${path}: items of the list must be objects`);
    return item;
  });
  const replaces = items.some((item) => item[DIRECTIVE] === 'replace' && own(item, key) === undefined);
  const merged: (JsonValue | undefined)[] = replaces ? [] : [...target];
  const places = placesIn(merged, key);
  for (const item of items) {
    const name = own(item, key);
    if (item[DIRECTIVE] === 'replace' && name === undefined) continue;
    if (name === undefined) throw failure(`map: ${goText(item)} does not contain declared merge key: ${key}`);
    // The first of several counts.
    const [place] = places.get(name) ?? [];
    if (item[DIRECTIVE] === 'delete') {
      if (place === undefined) continue;
      merged[place] = undefined;
      places.get(name)?.shift();
    } else if (place === undefined) places.set(name, [merged.push(withoutDirectives(item)) - 1]);
    else merged[place] = strategicMerge(merged[place] as JsonObject, item, keys, path);
  }
  const left = merged.filter((item) => item !== undefined);
  return arranged(left, items, target, identityBy(key));
}

/** Where the items with a key are. */
function placesIn(list: readonly (JsonValue | undefined)[], key: string): Map<JsonValue, number[]> {
  const places = new Map<JsonValue, number[]>();
  for (const [place, item] of list.entries()) {
    const name = item !== undefined && isJsonObject(item) ? own(item, key) : undefined;
    if (name !== undefined) pushTo(places, name, place);
  }
  return places;
}

function pushTo(places: Map<JsonValue, number[]>, name: JsonValue, place: number): void {
  const known = places.get(name);
  if (known === undefined) places.set(name, [place]);
  else known.push(place);
}

/** kube does not say that it is the client's fault. */
function failure(message: string): ApiError {
  return new ApiError({ code: 500, message });
}

function kindOf(value: JsonValue): string {
  return value === null ? 'null' : goKindOf(value);
}

/** An item of a list that was not there. */
function asNew(item: JsonValue): JsonValue {
  return isJsonObject(item) ? withoutDirectives(item) : item;
}

function withoutDirectives(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !name.startsWith('$')));
}

function retained(target: JsonObject, names: JsonValue | undefined): JsonObject {
  if (!Array.isArray(names)) return target;
  return Object.fromEntries(Object.entries(target).filter(([name]) => names.includes(name)));
}

function without(target: JsonValue | undefined, values: JsonValue | undefined): JsonValue[] {
  const gone = new Set(Array.isArray(values) ? values : []);
  return (Array.isArray(target) ? target : []).filter((item) => !gone.has(item));
}

function union(target: JsonValue[], patch: JsonValue[]): JsonValue[] {
  const present = new Set(target);
  const whole = [...target, ...patch.filter((item) => !present.has(item))];
  return arranged(whole, patch, target, (item) => item);
}

/** Sorts the items that the order names; the other items keep their order. */
function ordered(
  target: JsonValue | undefined,
  order: JsonValue | undefined,
  key: string | undefined,
): JsonValue[] {
  const items = Array.isArray(target) ? target : [];
  return arranged(items, Array.isArray(order) ? order : [], items, identityBy(key));
}

function identityBy(key: string | undefined): Identity {
  return (item) => (key !== undefined && isJsonObject(item) ? own(item, key) : item);
}

type Identity = (item: JsonValue) => JsonValue | undefined;

/** Finds where the first item of the same identity is; -1 where there is none. */
function positionsIn(list: readonly JsonValue[], identity: Identity): (item: JsonValue) => number {
  const positions = new Map<JsonValue | undefined, number>();
  for (const [index, item] of list.entries()) {
    if (!positions.has(identity(item))) positions.set(identity(item), index);
  }
  return (item) => positions.get(identity(item)) ?? -1;
}

/**
 * Sorts the items that the patch names into its order. Each other item stays before the first named item that followed it.
 * New items come before items that the patch does not name.
 */
function arranged(
  items: readonly JsonValue[],
  patch: readonly JsonValue[],
  before: readonly JsonValue[],
  identity: Identity,
): JsonValue[] {
  const inPatch = positionsIn(patch, identity);
  const inBefore = positionsIn(before, identity);
  const named = items.filter((item) => inPatch(item) >= 0).toSorted((a, b) => inPatch(a) - inPatch(b));
  const others = items.filter((item) => inPatch(item) < 0);
  const result: JsonValue[] = [];
  let next = 0;
  for (const item of named) {
    const place = inBefore(item);
    for (; next < others.length && inBefore(others[next] as JsonValue) < place; next++) {
      result.push(others[next] as JsonValue);
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}

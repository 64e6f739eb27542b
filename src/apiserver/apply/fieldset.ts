/**
 * A set of field paths, as a tree. A node's `owned` says whether the path that ends at it is in the set. The root's
 * `owned` has no meaning: no manager owns a whole object. Sets are immutable: every operation returns a new one.
 */

import { isRecord } from '../../base/json.ts';
import { setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { compareElements, normaliseElement, type PathElement } from './elements.ts';

export interface FieldSet {
  readonly owned: boolean;
  readonly children: ReadonlyMap<PathElement, FieldSet>;
}

export const EMPTY: FieldSet = { owned: false, children: new Map() };

function node(owned: boolean, children: Map<PathElement, FieldSet>): FieldSet {
  return { owned, children };
}

/** Builds a set from paths that are found one after another. */
export class FieldSetBuilder {
  private readonly root: MutableNode = { owned: false, children: new Map() };

  add(path: readonly PathElement[]): void {
    if (path.length === 0) return;
    let current = this.root;
    for (const element of path) {
      let next = current.children.get(element);
      if (next === undefined) {
        next = { owned: false, children: new Map() };
        current.children.set(element, next);
      }
      current = next;
    }
    current.owned = true;
  }

  build(): FieldSet {
    return this.root;
  }
}

interface MutableNode {
  owned: boolean;
  readonly children: Map<PathElement, MutableNode>;
}

/** The set of exactly these paths. */
export function setOf(...paths: readonly (readonly PathElement[])[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.add(path);
  return builder.build();
}

/** Whether the set has no path at all. */
export function isEmpty(set: FieldSet): boolean {
  for (const child of set.children.values()) if (child.owned || !isEmpty(child)) return false;
  return true;
}

/** Paths in either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map(a.children);
  for (const [element, child] of b.children) {
    const mine = children.get(element);
    children.set(element, mine === undefined ? child : union(mine, child));
  }
  return node(a.owned || b.owned, children);
}

/** Paths in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, (element, child) => {
    const other = b.children.get(element);
    if (other === undefined) return undefined;
    return node(child.owned && other.owned, new Map(intersection(child, other).children));
  });
}

/** Paths of `a` that are not in `b`; a path's ancestors and descendants are other paths. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, (element, child) => {
    const other = b.children.get(element);
    if (other === undefined) return child;
    return node(child.owned && !other.owned, new Map(difference(child, other).children));
  });
}

/** Paths of `a` that are neither in `b` nor below a path of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, (element, child) => {
    const other = b.children.get(element);
    if (other === undefined) return child;
    if (other.owned) return undefined;
    return node(child.owned, new Map(recursiveDifference(child, other).children));
  });
}

function combine(
  set: FieldSet,
  change: (element: PathElement, child: FieldSet) => FieldSet | undefined,
): FieldSet {
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of set.children) {
    const changed = change(element, child);
    if (changed !== undefined && (changed.owned || !isEmpty(changed))) children.set(element, changed);
  }
  return node(set.owned, children);
}

/** All paths in kube's order: a level's paths come before the paths below it. */
export function pathsOf(set: FieldSet, prefix: readonly PathElement[] = []): PathElement[][] {
  const children = sortedChildren(set);
  const here = children.filter(([, child]) => child.owned).map(([element]) => [...prefix, element]);
  const below = children.flatMap(([element, child]) => pathsOf(child, [...prefix, element]));
  return [...here, ...below];
}

function sortedChildren(set: FieldSet): [PathElement, FieldSet][] {
  return [...set.children].toSorted(([a], [b]) => compareElements(a, b));
}

/** FieldsV1: `{"f:spec":{".":{},"f:replicas":{}}}`; a leaf is `{}`, a path that also has paths below it has `.`. */
export function toFieldsV1(set: FieldSet): JsonObject {
  return fieldsInto({}, set);
}

function fieldsInto(fields: JsonObject, set: FieldSet): JsonObject {
  for (const [element, child] of sortedChildren(set)) {
    const isLeaf = isEmpty(child);
    if (isLeaf && !child.owned) continue;
    setOwn(fields, element, isLeaf ? {} : fieldsInto(child.owned ? { '.': {} } : {}, child));
  }
  return fields;
}

/**
 * Reads FieldsV1; elements of unknown kinds are left out, as kube does. Throws SyntaxError for what is no element, and for a value
 * that is no object.
 */
export function fromFieldsV1(fields: JsonValue): FieldSet {
  if (!isRecord(fields)) throw new SyntaxError('fieldsV1 has a value that is no object');
  const children = new Map<PathElement, FieldSet>();
  for (const [key, value] of Object.entries(fields)) {
    if (key === '.') continue;
    if (key[1] !== ':') throw new SyntaxError(`fieldsV1 has ${JSON.stringify(key)}, which names no field`);
    const element = normaliseElement(key);
    if (element === undefined) continue;
    const below = (value ?? {}) as JsonValue;
    const child = fromFieldsV1(below);
    children.set(
      element,
      node(Object.hasOwn(below as JsonObject, '.') || child.children.size === 0, new Map(child.children)),
    );
  }
  return node(false, children);
}

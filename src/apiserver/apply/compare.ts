/** What changed between two values, as sets of paths. */

import { isSameJson } from '../../base/equality.ts';
import { own } from '../../base/own.ts';
import type { JsonValue } from '../types.ts';
import { fieldElement, type PathElement } from './elements.ts';
import { type FieldSet, FieldSetBuilder } from './fieldset.ts';
import { deduced, type ListType, type MapType, type MergeType } from './merge-type.ts';
import { groupItems, isObject, type Shape, shapeOf, typeOfKey } from './walk.ts';

/** The three sets are disjoint. */
export interface Comparison {
  readonly removed: FieldSet;
  readonly modified: FieldSet;
  readonly added: FieldSet;
}

type Side = JsonValue | undefined;

/** Compares two values of one type; atomic lists and maps count as one field. */
export function compareValues(type: MergeType, old: Side, updated: Side): Comparison {
  const walker = new CompareWalker();
  walker.compare(type, old, updated, []);
  return {
    removed: walker.removed.build(),
    modified: walker.modified.build(),
    added: walker.added.build(),
  };
}

class CompareWalker {
  readonly removed = new FieldSetBuilder();
  readonly modified = new FieldSetBuilder();
  readonly added = new FieldSetBuilder();

  compare(type: MergeType, old: Side, updated: Side, path: readonly PathElement[]): void {
    const oldShape = shapeOf(type, old);
    const newShape = shapeOf(type, updated);
    let leaf: boolean;
    if (updated === undefined) leaf = this.compareAs(oldShape, old, updated, path);
    else {
      if (old !== undefined && oldShape.kind !== newShape.kind) this.compareAs(oldShape, old, updated, path);
      leaf = this.compareAs(newShape, old, updated, path);
    }
    if (leaf) return;
    if (old === undefined) this.added.add(path);
    else if (updated === undefined) this.removed.add(path);
  }

  /** Returns whether the value was compared as one leaf. */
  private compareAs(shape: Shape, old: Side, updated: Side, path: readonly PathElement[]): boolean {
    switch (shape.kind) {
      case 'scalar':
        return this.leaf(old, updated, path);
      case 'list':
        return this.compareLists(shape.list, old, updated, path);
      case 'map':
        return this.compareMaps(shape.map, old, updated, path);
    }
  }

  private leaf(old: Side, updated: Side, path: readonly PathElement[]): true {
    if (old === undefined) this.added.add(path);
    else if (updated === undefined) this.removed.add(path);
    else if (!isSameJson(old, updated)) this.modified.add(path);
    return true;
  }

  private compareMaps(map: MapType, old: Side, updated: Side, path: readonly PathElement[]): boolean {
    const left = isObject(old) ? old : {};
    const right = isObject(updated) ? updated : {};
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    // An empty map and null are leaves, so that the difference between them is not lost.
    if (map.atomic || keys.size === 0) return this.leaf(old, updated, path);
    for (const key of keys) {
      if (own(left, key) === undefined && own(right, key) === undefined) continue;
      this.compare(typeOfKey(map, key) ?? deduced, own(left, key), own(right, key), [
        ...path,
        fieldElement(key),
      ]);
    }
    return false;
  }

  private compareLists(list: ListType, old: Side, updated: Side, path: readonly PathElement[]): boolean {
    const left = Array.isArray(old) ? old : [];
    const right = Array.isArray(updated) ? updated : [];
    if (list.relationship === 'atomic' || left.length + right.length === 0) {
      return this.leaf(old, updated, path);
    }
    const lefts = groupItems(list, left);
    const rights = groupItems(list, right);
    for (const element of new Set([...lefts.keys(), ...rights.keys()])) {
      this.compareItems(list, lefts.get(element) ?? [], rights.get(element) ?? [], [...path, element]);
    }
    return false;
  }

  /** Compares the items that share one identity. Duplicates (only ordinary writes create them) count as one atomic value. */
  private compareItems(
    list: ListType,
    lefts: readonly JsonValue[],
    rights: readonly JsonValue[],
    path: readonly PathElement[],
  ): void {
    const [left] = lefts;
    const [right] = rights;
    if (lefts.length <= 1 && rights.length <= 1) this.compare(list.element, left, right, path);
    else if (lefts.length > 1 && rights.length > 1) {
      if (!isSameJson([...lefts], [...rights])) this.modified.add(path);
    } else if (lefts.length > 1) {
      if (right !== undefined) this.compare(list.element, undefined, right, path);
      this.removed.add(path);
    } else {
      if (left !== undefined) this.compare(list.element, left, undefined, path);
      this.added.add(path);
    }
  }
}

/** The paths that a value has, and those paths of a set that name struct fields. */

import type { JsonObject, JsonValue } from '../types.ts';
import { fieldElement, fieldNameOf, type PathElement } from './elements.ts';
import { type FieldSet, FieldSetBuilder } from './fieldset.ts';
import { deduced, type ListType, type MapType, type MergeType } from './merge-type.ts';
import { groupItems, isObject, shapeOf, typeOfKey } from './walk.ts';

/** The paths that an applier of this value owns: leaves, atomic parts, list items and map keys. */
export function fieldSetOf(type: MergeType, value: JsonValue): FieldSet {
  const builder = new FieldSetBuilder();
  collect(type, value, [], builder);
  return builder.build();
}

function collect(
  type: MergeType,
  value: JsonValue,
  path: readonly PathElement[],
  builder: FieldSetBuilder,
): void {
  const shape = shapeOf(type, value);
  switch (shape.kind) {
    case 'scalar':
      builder.add(path);
      return;
    case 'list':
      if (shape.list.relationship === 'atomic') builder.add(path);
      else if (Array.isArray(value)) collectItems(shape.list, value, path, builder);
      return;
    case 'map':
      if (shape.map.atomic) builder.add(path);
      else if (isObject(value)) collectKeys(shape.map, value, path, builder);
      return;
  }
}

function collectKeys(
  map: MapType,
  value: JsonObject,
  path: readonly PathElement[],
  builder: FieldSetBuilder,
): void {
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const below = [...path, fieldElement(key)];
    collect(typeOfKey(map, key) ?? deduced, item, below, builder);
    const bare = item === null || (isObject(item) && Object.keys(item).length === 0);
    // A key of a map exists because someone set it; a struct's field exists by itself.
    if (bare || map.field(key) === undefined) builder.add(below);
  }
}

function collectItems(
  list: ListType,
  items: readonly JsonValue[],
  path: readonly PathElement[],
  builder: FieldSetBuilder,
): void {
  for (const [element, [item, ...doubles]] of groupItems(list, items)) {
    const below = [...path, element];
    if (item !== undefined && doubles.length === 0) collect(list.element, item, below, builder);
    builder.add(below);
  }
}

/** The set with every struct field that has paths below it, so that removing all of them removes the field. */
export function withNamedFields(type: MergeType | undefined, set: FieldSet): FieldSet {
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of set.children) {
    const name = fieldNameOf(element);
    const declared = name === undefined ? undefined : type?.map?.field(name);
    const below = withNamedFields(typeBelow(type, element), child);
    const named = declared !== undefined && child.children.size > 0;
    children.set(element, { owned: child.owned || named, children: below.children });
  }
  return { owned: set.owned, children };
}

function typeBelow(type: MergeType | undefined, element: PathElement): MergeType | undefined {
  const name = fieldNameOf(element);
  if (name !== undefined) return type?.map === undefined ? undefined : typeOfKey(type.map, name);
  return element.startsWith('k:') ? type?.list?.element : undefined;
}

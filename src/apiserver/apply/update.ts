/** The core of field ownership: which fields a write takes from other managers, and which fields an applier gives up. */

import type { JsonValue } from '../types.ts';
import { type Comparison, compareValues } from './compare.ts';
import { fieldSetOf, withNamedFields } from './field-set-of.ts';
import {
  difference,
  type FieldSet,
  intersection,
  isEmpty,
  recursiveDifference,
  setOf,
  union,
} from './fieldset.ts';
import type { Manager, Managers } from './managers.ts';
import { mergeValues, removePaths } from './merge.ts';
import type { MergeType } from './merge-type.ts';

/** Type and server-set metadata, which no manager owns. */
const UNTRACKED = setOf(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
);

/** The set without type and system metadata. */
export function tracked(set: FieldSet): FieldSet {
  return difference(set, UNTRACKED);
}

/** The comparison without the fields that this endpoint resets anyway. */
function exclude(comparison: Comparison, reset: FieldSet): Comparison {
  return {
    removed: recursiveDifference(comparison.removed, reset),
    modified: recursiveDifference(comparison.modified, reset),
    added: recursiveDifference(comparison.added, reset),
  };
}

/** The fields that the write changes or adds and other managers own, by manager. */
export function conflictsOf(managers: Managers, self: string, comparison: Comparison): Map<string, FieldSet> {
  const touched = union(comparison.modified, comparison.added);
  const conflicts = new Map<string, FieldSet>();
  for (const [identity, manager] of managers) {
    if (identity === self) continue;
    const fields = intersection(manager.fields, touched);
    if (!isEmpty(fields)) conflicts.set(identity, fields);
  }
  return conflicts;
}

/** The other managers without the fields that the write took from them or removed; managers without fields are dropped. */
export function yieldFields(managers: Managers, self: string, comparison: Comparison): Managers {
  const lost = union(union(comparison.modified, comparison.added), comparison.removed);
  const result = new Map<string, Manager>();
  for (const [identity, manager] of managers) {
    const fields = identity === self ? manager.fields : difference(manager.fields, lost);
    if (!isEmpty(fields)) result.set(identity, { ...manager, fields });
  }
  return result;
}

/**
 * Merges the manifest into the live object and removes the fields that the manager applied last time but not now, unless
 * another manager owns them. `managers` already holds the manager's new set.
 */
export function mergeAndPrune(
  type: MergeType,
  live: JsonValue,
  applied: JsonValue,
  managers: Managers,
  last: FieldSet | undefined,
): JsonValue {
  const merged = mergeValues(type, live, applied) ?? {};
  if (last === undefined || isEmpty(last)) return merged;
  const named = (set: FieldSet): FieldSet => withNamedFields(type, set);
  const fieldsOf = (value: JsonValue): FieldSet => named(fieldSetOf(type, value));
  const mergedSet = fieldsOf(merged);
  const lastSet = named(last);

  const withoutLast = removePaths(type, merged, lastSet) ?? {};
  const everyones = [...managers.values()].reduce((sum, manager) => union(sum, manager.fields), setOf());
  const keep = union(fieldsOf(withoutLast), named(everyones));
  const withOwned = removePaths(type, merged, difference(mergedSet, keep)) ?? {};

  // Only fields that the manager itself applied are removed: fields below them without an owner stay.
  const gone = intersection(difference(mergedSet, fieldsOf(withOwned)), lastSet);
  return removePaths(type, merged, gone) ?? {};
}

/** The fields that differ between `old` and `updated`, without those that the endpoint resets. */
export function changes(type: MergeType, old: JsonValue, updated: JsonValue, reset: FieldSet): Comparison {
  return exclude(compareValues(type, old, updated), reset);
}

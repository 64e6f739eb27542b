/** Whether a manifest fits its kind's type well enough to be merged. */

import { own } from '../../base/own.ts';
import { pushAll } from '../../base/push-all.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { fieldElement, printElement } from './elements.ts';
import type { ListType, MapType, MergeType } from './merge-type.ts';
import { ItemError, isObject, itemElement, shapeOf, typeOfKey } from './walk.ts';

/** Every reason why the value cannot be merged, in kube's words: `.spec.x: field not declared in schema`. */
export function typeErrors(type: MergeType, value: JsonValue | undefined): string[] {
  return errorsIn(type, value, '', 'refused');
}

/** Whether every field of the value can have an owner, that is, fits the type. Duplicate items are allowed. */
export function isTyped(type: MergeType, value: JsonValue | undefined): boolean {
  return errorsIn(type, value, '', 'taken').length === 0;
}

type Duplicates = 'taken' | 'refused';

function errorsIn(
  type: MergeType,
  value: JsonValue | undefined,
  path: string,
  duplicates: Duplicates,
): string[] {
  if (value === undefined || value === null) return [];
  const shape = shapeOf(type, value);
  switch (shape.kind) {
    case 'scalar':
      return scalarErrors(shape.scalar, value).map((text) => `${path}: ${text}`);
    case 'list':
      return Array.isArray(value)
        ? listErrors(shape.list, value, path, duplicates)
        : [`${path}: expected list, got ${describe(value)}`];
    case 'map':
      return isObject(value)
        ? mapErrors(shape.map, value, path, duplicates)
        : [`${path}: expected map, got ${describe(value)}`];
  }
}

function describe(value: JsonValue): string {
  if (Array.isArray(value)) return `&{[${value.map(String).join(' ')}]}`;
  if (isObject(value)) {
    return `&{map[${Object.entries(value)
      .map(([key, item]) => `${key}:${String(item)}`)
      .join(' ')}]}`;
  }
  return `&{${String(value)}}`;
}

function scalarErrors(scalar: string, value: JsonValue): string[] {
  switch (scalar) {
    case 'numeric':
      return typeof value === 'number' ? [] : [`expected numeric (int or float), got ${goType(value)}`];
    case 'string':
      return typeof value === 'string' ? [] : [`expected string, got ${goSyntax(value)}`];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`expected boolean, got ${describe(value)}`];
    default:
      return typeof value === 'object' ? [`expected any scalar, got ${describe(value)}`] : [];
  }
}

/** The Go type into which JSON is parsed. */
function goType(value: JsonValue): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : 'map[string]interface {}';
}

/** As Go's `%#v` prints the value inside structured-merge-diff. */
function goSyntax(value: JsonValue): string {
  return `&value.valueUnstructured{Value:${goLiteral(value)}}`;
}

function goLiteral(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goLiteral).join(', ')}}`;
  if (isObject(value)) {
    const fields = Object.keys(value).toSorted();
    const items = fields.map((key) => `${JSON.stringify(key)}:${goLiteral(own(value, key))}`);
    return `map[string]interface {}{${items.join(', ')}}`;
  }
  return JSON.stringify(value);
}

/** Checks keys in order; an undeclared key ends the check of its map, as in kube. */
function mapErrors(map: MapType, value: JsonObject, path: string, duplicates: Duplicates): string[] {
  const errors: string[] = [];
  for (const key of Object.keys(value).toSorted()) {
    const below = `${path}${printElement(fieldElement(key))}`;
    const type = typeOfKey(map, key);
    if (type === undefined) return [...errors, `${below}: field not declared in schema`];
    pushAll(errors, errorsIn(type, own(value, key), below, duplicates));
  }
  return errors;
}

function listErrors(
  list: ListType,
  items: readonly JsonValue[],
  path: string,
  duplicates: Duplicates,
): string[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    if (list.relationship === 'atomic') return errorsIn(list.element, item, `${path}[${index}]`, duplicates);
    try {
      const element = itemElement(list, item);
      const printed = printElement(element);
      const double = duplicates === 'refused' && seen.has(element);
      seen.add(element);
      return [
        ...(double ? [`${path}: duplicate entries for key ${printed}`] : []),
        ...errorsIn(list.element, item, `${path}${printed}`, duplicates),
      ];
    } catch (error) {
      if (error instanceof ItemError) return [`${path}: element ${index}: ${error.message}`];
      throw error;
    }
  });
}

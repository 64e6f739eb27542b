/** Validation of replica counts of kinds with a `scale` subresource: non-negative 32-bit integers. */

import { own } from '../../base/own.ts';
import type { FieldError, JsonObject, JsonValue } from '../types.ts';
import { isObject } from './json.ts';
import { invalid } from './result.ts';

/** The paths that the scale subresource maps, as a CRD declares them (`.spec.replicas`). */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

const MAX_INT32 = 2 ** 31 - 1;

/** Errors of the fields that the scale subresource maps; for a status write only those in the status. */
export function scaleErrors(paths: ScalePaths, object: JsonObject, statusOnly: boolean): FieldError[] {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = paths;
  return [
    ...(statusOnly ? [] : replicasErrors(object, specReplicasPath)),
    ...replicasErrors(object, statusReplicasPath),
    ...(labelSelectorPath === undefined ? [] : selectorErrors(object, labelSelectorPath)),
  ];
}

type Found = { readonly value: JsonValue | undefined } | { readonly problem: string };

function lookUp(object: JsonObject, path: string): Found {
  let current: JsonValue | undefined = object;
  for (const name of path.replace(/^\./, '').split('.')) {
    if (current === undefined || current === null) return { value: undefined };
    if (!isObject(current)) {
      const problem = `accessor error: ${show(current)} is of the type ${goType(current)}, expected map[string]interface{}`;
      return { problem: `${path} ${problem}` };
    }
    current = own(current, name);
  }
  return { value: current };
}

function replicasErrors(object: JsonObject, path: string): FieldError[] {
  const found = lookUp(object, path);
  if ('problem' in found) return [invalid(path, 0, found.problem)];
  const { value } = found;
  if (value === undefined) return [];
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    return [invalid(path, 0, wrongType(path, value, 'int64'))];
  }
  if (value < 0) return [invalid(path, value, 'should be a non-negative integer')];
  return value > MAX_INT32 ? [invalid(path, value, `should be less than or equal to ${MAX_INT32}`)] : [];
}

function selectorErrors(object: JsonObject, path: string): FieldError[] {
  const found = lookUp(object, path);
  if ('problem' in found) return [invalid(path, '', found.problem)];
  const { value } = found;
  return value === undefined || typeof value === 'string'
    ? []
    : [invalid(path, '', wrongType(path, value, 'string'))];
}

function wrongType(path: string, value: JsonValue, wanted: string): string {
  return `${path} accessor error: ${show(value)} is of the type ${goType(value)}, expected ${wanted}`;
}

/** As Go's `%v` prints it. */
function show(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (!isObject(value)) return String(value);
  const fields = Object.keys(value).toSorted();
  return `map[${fields.map((name) => `${name}:${show(own(value, name))}`).join(' ')}]`;
}

function goType(value: JsonValue): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : 'map[string]interface {}';
}

/** Validates label selectors that are fields of objects, such as those of a ClusterRole's aggregation rule. */

import { labelValueProblems, qualifiedNameProblems } from '../meta/names.ts';
import type { FieldError } from '../types.ts';

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly Requirement[];
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

function invalid(field: string, value: unknown, detail: string): FieldError {
  return { type: 'Invalid', field, value, detail };
}

function keyErrors(key: string, field: string): FieldError[] {
  return qualifiedNameProblems(key).map((problem) => invalid(field, key, problem));
}

function valueErrors(value: string, field: string): FieldError[] {
  return labelValueProblems(value).map((problem) => invalid(field, value, problem));
}

/** What is wrong with a label selector; kube adds that it is invalid as a whole. */
export function selectorErrors(selector: LabelSelector, path: string): FieldError[] {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const at = `${path}.matchLabels`;
  const errors = [
    ...Object.entries(matchLabels).flatMap(([key, value]) => [
      ...keyErrors(key, at),
      ...valueErrors(value, at),
    ]),
    ...matchExpressions.flatMap((one, index) => requirementErrors(one, `${path}.matchExpressions[${index}]`)),
  ];
  return errors.length === 0 ? [] : [...errors, invalid(path, null, 'invalid label selector.')];
}

function requirementErrors({ key, operator, values = [] }: Requirement, path: string): FieldError[] {
  return [
    ...operatorErrors(operator, values, path),
    ...keyErrors(key, `${path}.key`),
    ...values.flatMap((value, index) => valueErrors(value, `${path}.values[${index}]`)),
  ];
}

function operatorErrors(operator: string, values: readonly string[], path: string): FieldError[] {
  const field = `${path}.values`;
  switch (operator) {
    case 'In':
    case 'NotIn': {
      const detail = "must be specified when `operator` is 'In' or 'NotIn'";
      return values.length > 0 ? [] : [{ type: 'Required', field, detail }];
    }
    case 'Exists':
    case 'DoesNotExist': {
      const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
      return values.length === 0 ? [] : [{ type: 'Forbidden', field, detail }];
    }
    default:
      return [invalid(`${path}.operator`, operator, 'not a valid selector operator')];
  }
}

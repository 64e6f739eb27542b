/** Faults of a rule that show before compiling it. */

import type { FieldError, JsonSchema, ValidationRule } from '../../types.ts';
import { normaliseFieldPath } from './field-path.ts';

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** Faults in the writing of the rule at `path`. */
export function writingFaults(rule: ValidationRule, schema: JsonSchema, path: string): FieldError[] {
  return [...ruleFaults(rule, path), ...fieldPathFaults(rule, schema, path)];
}

function ruleFaults(rule: ValidationRule, path: string): FieldError[] {
  // A definition may leave it out: what is there is checked, not what must be.
  const source = (rule.rule ?? '').trim();
  const message = rule.message?.trim() ?? '';
  const faults: FieldError[] = [];
  const messageFault = (detail: string): FieldError => ({
    type: 'Invalid',
    field: `${path}.message`,
    value: rule.message,
    detail,
  });
  if (source === '')
    faults.push({ type: 'Required', field: `${path}.rule`, detail: 'rule is not specified' });
  else if (message === '' && (rule.message ?? '') !== '')
    faults.push(messageFault('must be non-empty if specified'));
  else if (message.includes('\n')) faults.push(messageFault('must not contain line breaks'));
  else if (source.includes('\n') && message === '') {
    const detail = 'message must be specified if rule contains line breaks';
    faults.push({ type: 'Required', field: `${path}.message`, detail });
  }
  if (rule.messageExpression?.trim() === '' && rule.messageExpression !== '') {
    const detail = 'messageExpression must be non-empty if specified';
    faults.push({ type: 'Required', field: `${path}.messageExpression`, detail });
  }
  if (rule.reason !== undefined && !REASONS.includes(rule.reason)) {
    const detail = `supported values: ${REASONS.map((reason) => JSON.stringify(reason)).join(', ')}`;
    faults.push({ type: 'NotSupported', field: `${path}.reason`, value: rule.reason, detail });
  }
  return faults;
}

function fieldPathFaults(rule: ValidationRule, schema: JsonSchema, path: string): FieldError[] {
  const { fieldPath } = rule;
  if (fieldPath === undefined || fieldPath === '') return [];
  const details = [
    ...(fieldPath.trim() === '' ? ['must be non-empty if specified'] : []),
    ...(fieldPath.includes('\n') ? ['must not contain line breaks'] : []),
    ...(normaliseFieldPath(fieldPath, schema) === undefined ? ['must be a valid path'] : []),
  ];
  return details.map((detail) => ({ type: 'Invalid', field: `${path}.fieldPath`, value: fieldPath, detail }));
}

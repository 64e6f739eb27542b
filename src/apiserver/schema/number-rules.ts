/** Bounds of numbers. Go distinguishes integers and floats, and its messages show it. */

import { own } from '../../base/own.ts';
import type { JsonSchema } from '../types.ts';
import { invalid, Result } from './result.ts';

const MAX_FLOAT32 = 3.4028234663852886e38;
const INT_LIMITS: Readonly<Record<string, number>> = { int32: 2 ** 31, int64: 2 ** 63 };

/** Checks the range of the type, multipleOf, minimum and maximum, in kube's order. */
export function checkNumber(
  schema: JsonSchema,
  types: readonly string[],
  format: string,
  value: number,
  path: string,
): Result {
  const result = new Result();
  const [type = ''] = types.length === 1 ? types : [];
  if (!inRange(type, format, value)) {
    const suffix = format === '' ? '(default format)' : `with format ${format}`;
    result.addComposite(`Checked value must be of type ${type} ${suffix} in ${path}`);
  }
  checkMultiple(schema, value, path, result);
  checkBound(schema, 'minimum', value, path, result);
  checkBound(schema, 'maximum', value, path, result);
  return result.inc();
}

function inRange(type: string, format: string, value: number): boolean {
  if (type === 'integer') {
    const limit = own(INT_LIMITS, format) ?? 2 ** 63;
    return Number.isInteger(value) && value >= -limit && value < limit;
  }
  return type !== 'number' || format !== 'float' || Math.abs(value) <= MAX_FLOAT32;
}

/** An integer is compared with the integer part of a bound, because Go converts the bound. */
function likeValue(bound: number, value: number): number {
  return Number.isInteger(value) ? Math.trunc(bound) : bound;
}

function checkMultiple(schema: JsonSchema, value: number, path: string, result: Result): void {
  if (schema.multipleOf === undefined) return;
  const factor = likeValue(schema.multipleOf, value);
  if (factor <= 0) {
    result.add(invalid(path, factor, `factor MultipleOf declared for ${path} must be positive: ${factor}`));
    return;
  }
  const quotient = factor < 1 ? (1 / factor) * value : value / factor;
  const whole = Math.abs(quotient - Math.round(quotient)) <= 1e-9 * Math.max(1, Math.abs(quotient));
  if (!whole) result.add(invalid(path, value, `${path} in body should be a multiple of ${factor}`));
}

function checkBound(
  schema: JsonSchema,
  which: 'minimum' | 'maximum',
  value: number,
  path: string,
  result: Result,
): void {
  const declared = schema[which];
  if (declared === undefined) return;
  const bound = likeValue(declared, value);
  const exclusive = (which === 'minimum' ? schema.exclusiveMinimum : schema.exclusiveMaximum) === true;
  const beyond = which === 'minimum' ? value < bound : value > bound;
  if (!beyond && !(exclusive && value === bound)) return;
  const side = which === 'minimum' ? 'greater' : 'less';
  const words = exclusive ? `${side} than` : `${side} than or equal to`;
  result.add(invalid(path, value, `${path} in body should be ${words} ${bound}`));
}

/** What a schema says of strings, in the words of kube-openapi. */

import type { JsonSchema } from '../types.ts';
import { formatCheck } from './formats.ts';
import { goRegExp, TooMuchMatchingError } from './go-regexp.ts';
import { invalid, Result, typeInvalid } from './result.ts';

/** Length and pattern of a string. */
export function checkString(schema: JsonSchema, value: string, path: string): Result {
  const result = new Result();
  const length = [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    return result.add({
      type: 'TooLong',
      field: path,
      detail: `may not be more than ${schema.maxLength} ${schema.maxLength === 1 ? 'byte' : 'bytes'}`,
    });
  }
  if (schema.minLength !== undefined && length < schema.minLength) {
    return result.add(
      invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`),
    );
  }
  const { pattern = '' } = schema;
  if (pattern === '') return result;
  return matched(path, () => {
    if (goRegExp(pattern).test(value)) return result;
    return result.add(invalid(path, value, `${path} in body should match '${pattern}'`));
  });
}

/** The format of a string. */
export function checkFormat(format: string, value: string, path: string): Result {
  const result = new Result();
  const fits = formatCheck(format);
  if (fits === undefined) return result;
  result.inc();
  return matched(path, () => (fits(value) ? result : result.add(typeInvalid(path, format, value))));
}

/** What the match gives; an error where it would take too long. */
function matched(path: string, match: () => Result): Result {
  try {
    return match();
  } catch (error) {
    if (!(error instanceof TooMuchMatchingError)) throw error;
    return new Result().add({ type: 'TooLong', field: path, detail: error.message });
  }
}

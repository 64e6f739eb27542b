import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { FormatsPlugin } from 'ajv-formats';
import formatsPlugin from 'ajv-formats';
import type { JsonSchema } from '../host/typed-schema.ts';
import { hostErrors } from './errors/index.ts';

// The package is CommonJS: its default export, as Node sees it, is the plugin itself.
const addFormats = formatsPlugin as unknown as FormatsPlugin;

/**
 * What compiles schemas, and keeps each by its identity: several parts of a daemon check the same, and all schemas take 400 ms. Its
 * validators change nothing: no coercion, no defaults, no silent removal.
 */
export const ajv = createAjv();

function createAjv(): Ajv {
  const ajv = new Ajv({ strict: true, strictRequired: false, discriminator: true, allowUnionTypes: true });
  addFormats(ajv);
  return ajv;
}

/** A function that returns the value as T, or throws `InvalidRequest` naming the first invalid field. */
export function validator<T>(schema: JsonSchema): (value: unknown) => T {
  const validate: ValidateFunction<T> = ajv.compile<T>(schema);
  return (value) => {
    if (validate(value)) return value;
    throw invalid(validate.errors ?? []);
  };
}

/** The first error as a sentence: which field, which rule. */
export function invalid(errors: readonly ErrorObject[], where = 'the body'): Error {
  const first = errors[0];
  if (first === undefined) return hostErrors.invalidRequest(`${where} is not valid`);
  const unknown: unknown = first.params.additionalProperty;
  const field = typeof unknown === 'string' ? `${first.instancePath}/${unknown}` : first.instancePath;
  const rule = typeof unknown === 'string' ? 'is not known here' : (first.message ?? 'is not valid');
  return hostErrors.invalidRequest(`${field === '' ? where : field} ${rule}`, field);
}

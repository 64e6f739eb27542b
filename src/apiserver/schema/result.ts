/** A validator's result: distinct errors and the number of passed checks. */

import type { FieldError } from '../types.ts';

/** kube prints a missing path as Go prints nil. */
export const NO_PATH = '<nil>';

/** Errors, and the count that selects the best of several failed alternatives. */
export class Result {
  readonly errors: FieldError[] = [];
  /** Texts of the errors; made with the first. */
  #known: Set<string> | undefined;
  matches = 0;

  inc(): this {
    this.matches += 1;
    return this;
  }

  add(error: FieldError): this {
    const found = error.field === '' ? { ...error, field: NO_PATH } : error;
    const text = `${found.field}\n${found.detail}`;
    this.#known ??= new Set();
    if (!this.#known.has(text)) this.errors.push(found);
    this.#known.add(text);
    return this;
  }

  /** An error of a combination of schemas, which kube reports without a path. */
  addComposite(detail: string): this {
    return this.add({ type: 'Invalid', field: NO_PATH, value: '', detail });
  }

  merge(other: Result | undefined): this {
    for (const error of other?.errors ?? []) this.add(error);
    this.matches += other?.matches ?? 0;
    return this;
  }
}

/** A value out of bounds. */
export function invalid(path: string, value: unknown, detail: string): FieldError {
  return { type: 'Invalid', field: path, value, detail };
}

/** A value of the wrong type; kube shows the type in the value's place. */
export function typeInvalid(path: string, wanted: string, actual: string): FieldError {
  const suffix = `: ${JSON.stringify(actual)}`;
  return {
    type: 'TypeInvalid',
    field: path,
    value: actual,
    detail: `${path} in body must be of type ${wanted}${suffix}`,
  };
}

/** Embedded resources must have apiVersion, kind and valid metadata, like any resource. */

import { own } from '../../base/own.ts';
import type { FieldError, JsonObject, JsonSchema, JsonValue } from '../types.ts';
import { childPath, isObject, schemaOfKey } from './json.ts';
import { invalid } from './result.ts';

/** Errors of all embedded resources below a value. */
export function embeddedErrors(
  schema: JsonSchema | undefined,
  value: JsonValue | undefined,
  path = '',
): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => embeddedErrors(schema.items, item, `${path}[${index}]`));
  }
  if (!isObject(value)) return [];
  const itself = schema['x-kubernetes-embedded-resource'] === true ? resourceErrors(value, path) : [];
  const below = Object.entries(value).flatMap(([key, item]) => {
    const declared = own(schema.properties, key) !== undefined;
    const keyPath = declared ? childPath(path, key) : `${path}[${key}]`;
    return embeddedErrors(schemaOfKey(schema, key), item, keyPath);
  });
  return [...itself, ...below];
}

function resourceErrors(resource: JsonObject, path: string): FieldError[] {
  const missing = ['apiVersion', 'kind']
    .filter((name) => own(resource, name) === undefined)
    .map((name): FieldError => ({ type: 'Required', field: `${path}.${name}`, detail: '' }));
  return [
    ...missing,
    ...apiVersionErrors(resource.apiVersion, `${path}.apiVersion`),
    ...kindErrors(resource.kind, `${path}.kind`),
    ...nameErrors(resource.metadata, `${path}.metadata.name`),
  ];
}

function apiVersionErrors(value: JsonValue | undefined, path: string): FieldError[] {
  if (value === undefined) return [];
  if (typeof value !== 'string') return [invalid(path, value, 'must be a string')];
  if (value === '') return [invalid(path, value, 'must not be empty')];
  return value.split('/').length > 2
    ? [invalid(path, value, `unexpected GroupVersion string: ${value}`)]
    : [];
}

const LABEL =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

function kindErrors(value: JsonValue | undefined, path: string): FieldError[] {
  if (value === undefined) return [];
  if (typeof value !== 'string') return [invalid(path, value, 'must be a string')];
  if (value === '') return [invalid(path, value, 'must not be empty')];
  if (/^[a-z]([-a-z0-9]*[a-z0-9])?$/i.test(value)) return [];
  return [invalid(path, value, `may have mixed case, but should otherwise match: ${LABEL}`)];
}

function nameErrors(metadata: JsonValue | undefined, path: string): FieldError[] {
  const name = isObject(metadata) ? metadata.name : undefined;
  if (typeof name !== 'string' || name === '') return [];
  if (name === '.' || name === '..') return [invalid(path, name, `may not be '${name}'`)];
  return ['/', '%']
    .filter((char) => name.includes(char))
    .map((char) => invalid(path, name, `may not contain '${char}'`));
}

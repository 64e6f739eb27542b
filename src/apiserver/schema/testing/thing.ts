/** The kind that the tests of schemas share. */

import { renderFieldError } from '../../field-errors.ts';
import type { JsonObject, JsonSchema } from '../../types.ts';
import { compileSchema } from '../compile.ts';

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };

const spec: JsonSchema = {
  type: 'object',
  required: ['name'],
  'x-kubernetes-validations': [
    {
      rule: '!has(self.minimum) || !has(self.maximum) || self.minimum <= self.maximum',
      message: 'minimum must not exceed maximum',
    },
    {
      rule: 'self.name == oldSelf.name',
      message: 'name is immutable',
      fieldPath: '.name',
      reason: 'FieldValueForbidden',
    },
    {
      rule: "!has(self.mode) || self.mode != 'Bad'",
      messageExpression: "'mode ' + self.mode + ' of ' + self.name + ' is bad'",
    },
  ],
  properties: {
    name: { type: 'string', minLength: 2, maxLength: 5, pattern: '^[a-z]+$' },
    mode: { type: 'string', enum: ['A', 'B', 'Bad'] },
    level: { type: 'integer', enum: [1, 2, 3] },
    replicas: { type: 'integer', format: 'int32', minimum: 0, maximum: 10, default: 1 },
    minimum: integer,
    maximum: integer,
    ratio: { type: 'number', minimum: 0, exclusiveMinimum: true, maximum: 1, multipleOf: 0.25 },
    flag: { type: 'boolean', nullable: true },
    plain: text,
    withDefault: { type: 'string', default: 'dd' },
    port: { 'x-kubernetes-int-or-string': true },
    when: { type: 'string', format: 'date-time' },
    odd: { type: 'string', format: 'whatever' },
    set: { type: 'array', items: text, maxItems: 4, 'x-kubernetes-list-type': 'set' },
    unique: { type: 'array', items: text, minItems: 2, uniqueItems: true },
    items: {
      type: 'array',
      items: {
        type: 'object',
        required: ['a'],
        properties: { a: text, b: { type: 'string', default: 'bb' } },
      },
    },
    services: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        'x-kubernetes-validations': [
          {
            rule: '!has(oldSelf.size) || (has(self.size) && self.size >= oldSelf.size)',
            message: 'size may not shrink',
          },
        ],
        properties: {
          name: text,
          size: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self != 13' }] },
        },
      },
    },
    env: {
      type: 'object',
      additionalProperties: { type: 'string', maxLength: 3 },
      minProperties: 1,
      maxProperties: 3,
    },
    free: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { known: { type: 'object', properties: { a: text } } },
    },
    embedded: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-preserve-unknown-fields': true,
    },
    nested: {
      type: 'object',
      default: {},
      properties: {
        deep: {
          type: 'object',
          default: { z: 5 },
          properties: { z: integer, w: { type: 'string', default: 'ww' } },
        },
      },
    },
    source: {
      type: 'object',
      properties: { a: text, b: text, c: text },
      oneOf: [{ required: ['a'] }, { required: ['b'] }],
    },
    any: {
      type: 'object',
      properties: { a: text, b: integer },
      anyOf: [{ required: ['a'], properties: { a: { minLength: 3 } } }, { required: ['b'] }],
    },
    all: { type: 'string', allOf: [{ minLength: 3 }, { pattern: '^x' }] },
    not: { type: 'string', not: { enum: ['forbidden'] } },
  },
};

/** A kind that uses every feature of a schema. */
export const thingSchema: JsonSchema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec,
    status: { type: 'object', properties: { replicas: integer, phase: text } },
  },
};

const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
export const compiled = compileSchema(thingSchema, { scale });

/** An object of the kind, with these fields. */
export function thing(fields: JsonObject): JsonObject {
  return { apiVersion: 'fix.dev/v1', kind: 'Thing', metadata: { name: 't' }, ...structuredClone(fields) };
}

/** The server's error messages for the object, after pruning and defaulting. */
export function sentences(object: JsonObject, old?: JsonObject, subresource?: 'status'): string[] {
  compiled.prune(object);
  compiled.applyDefaults(object);
  return compiled
    .validate(object, old, { subresource })
    .map((error) => `${error.field}: ${renderFieldError(error).message}`);
}

export const NOT_CHECKED =
  '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** A kind's schema in its published form. */

import type { JsonSchema, OpenApiKind } from '../../types.ts';
import { METADATA, metaName, type OpenApiSchema, reference, TYPE_FIELDS } from './definitions.ts';
import { definitionOf, listDefinitionOf } from './names.ts';

type SchemaChange = (schema: JsonSchema) => JsonSchema;

/** The definitions of a kind and its list. Version 2 omits what it cannot express. */
export function kindDefinitions(kind: OpenApiKind, version: 2 | 3): Record<string, OpenApiSchema> {
  const root = publish(kind.schema, version === 3 ? forVersion3 : forVersion2);
  return {
    [definitionOf(kind)]: {
      ...root,
      type: root.type ?? 'object',
      properties: { ...TYPE_FIELDS, metadata: METADATA, ...withoutTypeAndMeta(root.properties) },
      'x-kubernetes-group-version-kind': [gvk(kind, kind.kind)],
    },
    [listDefinitionOf(kind)]: listDefinition(kind),
  };
}

function gvk({ group, version }: OpenApiKind, kind: string): OpenApiSchema {
  return { group, kind, version };
}

function listDefinition(kind: OpenApiKind): OpenApiSchema {
  return {
    description: `${kind.listKind} is a list of ${kind.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      ...TYPE_FIELDS,
      items: { description: `List of ${kind.plural}.`, type: 'array', items: reference(definitionOf(kind)) },
      metadata: reference(metaName('ListMeta'), 'Standard list metadata.'),
    },
    'x-kubernetes-group-version-kind': [gvk(kind, kind.listKind)],
  };
}

function withoutTypeAndMeta(properties: unknown): Record<string, unknown> {
  const { apiVersion: _, kind: __, metadata: ___, ...own } = (properties ?? {}) as Record<string, unknown>;
  return own;
}

/** Applies a change to a schema and all schemas below it, and describes embedded resources. */
function publish(schema: JsonSchema, change: SchemaChange): OpenApiSchema {
  const changed = change(schema);
  const below = (part: JsonSchema): OpenApiSchema => publish(part, change);
  const { properties, items, additionalProperties: extra, allOf, anyOf, oneOf, not } = changed;
  const published: OpenApiSchema = {
    ...changed,
    ...(properties === undefined ? {} : { properties: mapValues(properties, below) }),
    ...(items === undefined ? {} : { items: below(items) }),
    ...(typeof extra === 'object' ? { additionalProperties: below(extra) } : {}),
    ...(allOf === undefined ? {} : { allOf: allOf.map(below) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map(below) }),
    ...(oneOf === undefined ? {} : { oneOf: oneOf.map(below) }),
    ...(not === undefined ? {} : { not: below(not) }),
  };
  return schema['x-kubernetes-embedded-resource'] === true ? asResource(published) : published;
}

function mapValues<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function asResource(schema: OpenApiSchema): OpenApiSchema {
  const required = Array.isArray(schema.required) ? schema.required : [];
  return {
    ...schema,
    required: [...new Set([...required, 'kind', 'apiVersion'])],
    properties: { ...TYPE_FIELDS, metadata: METADATA, ...withoutTypeAndMeta(schema.properties) },
  };
}

function forVersion3(schema: JsonSchema): JsonSchema {
  if (schema['x-kubernetes-int-or-string'] !== true || schema.anyOf !== undefined) return schema;
  return { ...schema, anyOf: [{ type: 'integer' }, { type: 'string' }] };
}

/** Version 2 has neither null nor alternatives; parts that need them stay untyped. */
function forVersion2(schema: JsonSchema): JsonSchema {
  const { anyOf: _, oneOf: __, not: ___, allOf: ____, nullable, ...rest } = schema;
  const open = nullable === true || rest['x-kubernetes-preserve-unknown-fields'] === true;
  if (!open) return rest;
  const { items: _items, properties: _properties, required: _required, ...bare } = rest;
  if (nullable !== true) return bare;
  const { type: _type, ...untyped } = bare;
  return untyped;
}

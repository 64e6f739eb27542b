/**
 * The merge type of values, made from an OpenAPI schema: which lists are associative, which maps are atomic. If a schema
 * allows several shapes, the value's own shape counts.
 */

import { own } from '../../base/own.ts';
import type { JsonSchema, JsonValue } from '../types.ts';

export interface ListType {
  readonly relationship: 'atomic' | 'set' | 'map';
  readonly keys: readonly string[];
  readonly element: MergeType;
}

export interface MapType {
  readonly atomic: boolean;
  /** The type of a declared field; undefined for any other key. */
  field(name: string): MergeType | undefined;
  /** The default of a declared field, which stands in for an absent key of a map-type list. */
  defaultOf(name: string): JsonValue | undefined;
  /** The type of keys that are not declared fields; undefined where the schema allows no such keys. */
  readonly element: MergeType | undefined;
}

/** The shapes that a value may have; getters, so that a type can contain itself. */
export interface MergeType {
  readonly scalar: string | undefined;
  readonly list: ListType | undefined;
  readonly map: MapType | undefined;
}

const noField = (): undefined => undefined;

/** A value without a schema inside an atomic one: a leaf, whatever it is. */
const untypedAtomic: MergeType = {
  scalar: 'untyped',
  get list(): ListType {
    return { relationship: 'atomic', keys: [], element: untypedAtomic };
  },
  get map(): MapType {
    return { atomic: true, field: noField, defaultOf: noField, element: untypedAtomic };
  },
};

/** A value without a schema: maps are granular, lists atomic. */
export const deduced: MergeType = {
  scalar: 'untyped',
  get list(): ListType {
    return { relationship: 'atomic', keys: [], element: untypedAtomic };
  },
  get map(): MapType {
    return { atomic: false, field: noField, defaultOf: noField, element: deduced };
  },
};

const text: JsonSchema = { type: 'string' };
const textMap: JsonSchema = { type: 'object', additionalProperties: text };

/** The list and map types of ObjectMeta, from kube's own definition: all that merging needs. */
const objectMeta: JsonSchema = {
  type: 'object',
  properties: {
    name: text,
    generateName: text,
    namespace: text,
    selfLink: text,
    uid: text,
    resourceVersion: text,
    generation: { type: 'integer' },
    creationTimestamp: { type: 'string', format: 'date-time' },
    deletionTimestamp: { type: 'string', format: 'date-time' },
    deletionGracePeriodSeconds: { type: 'integer' },
    labels: textMap,
    annotations: textMap,
    finalizers: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
    managedFields: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      items: {
        type: 'object',
        properties: {
          manager: text,
          operation: text,
          apiVersion: text,
          time: { type: 'string', format: 'date-time' },
          fieldsType: text,
          fieldsV1: { type: 'object' },
          subresource: text,
        },
      },
    },
    ownerReferences: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
      items: {
        type: 'object',
        'x-kubernetes-map-type': 'atomic',
        properties: {
          apiVersion: text,
          kind: text,
          name: text,
          // Go always writes it: an item without it has the key ''.
          uid: { ...text, default: '' },
          controller: { type: 'boolean' },
          blockOwnerDeletion: { type: 'boolean' },
        },
      },
    },
  },
};

/** The merge type of a kind's objects; without a schema it is deduced from the values. */
export function mergeTypeOf(schema: JsonSchema | undefined): MergeType {
  return schema === undefined ? deduced : convert(withTypeAndMeta(schema), false);
}

function withTypeAndMeta(schema: JsonSchema): JsonSchema {
  return {
    ...schema,
    type: schema.type ?? 'object',
    properties: { ...schema.properties, apiVersion: text, kind: text, metadata: objectMeta },
  };
}

function convert(schema: JsonSchema, inheritedPreserve: boolean): MergeType {
  const preserve = inheritedPreserve || schema['x-kubernetes-preserve-unknown-fields'] === true;
  const whole = schema['x-kubernetes-embedded-resource'] === true ? withTypeAndMeta(schema) : schema;
  switch (whole.type) {
    case 'object':
      return { scalar: undefined, list: undefined, map: mapType(whole, preserve) };
    case 'array':
      return { scalar: undefined, list: listType(whole, preserve), map: undefined };
    case undefined:
    case '':
      return { scalar: 'untyped', list: listType(whole, preserve), map: mapType(whole, preserve) };
    default:
      return { scalar: scalarOf(whole), list: undefined, map: undefined };
  }
}

function scalarOf(schema: JsonSchema): string {
  if (schema.type === 'integer' || schema.type === 'number') return 'numeric';
  if (schema.type === 'boolean') return 'boolean';
  return schema.format === undefined || schema.format === 'byte' ? 'string' : 'untyped';
}

/** Converts fields lazily: an object uses few parts of its schema. */
function mapType(schema: JsonSchema, preserve: boolean): MapType {
  const properties = schema.properties ?? {};
  const made = new Map<string, MergeType>();
  const field = (name: string): MergeType | undefined => {
    const property = own(properties, name);
    if (property === undefined) return undefined;
    // preserve-unknown-fields around an embedded resource does not extend to its metadata.
    const type = made.get(name) ?? convert(property, preserve && property !== objectMeta);
    made.set(name, type);
    return type;
  };
  return {
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    field,
    defaultOf: (name) => own(properties, name)?.default,
    element: elementOfMap(schema.additionalProperties, preserve, Object.keys(properties).length === 0),
  };
}

function elementOfMap(
  extra: boolean | JsonSchema | undefined,
  preserve: boolean,
  free: boolean,
): MergeType | undefined {
  if (typeof extra === 'object') return convert(extra, preserve);
  if (extra === undefined) return preserve || free ? deduced : undefined;
  return extra ? deduced : undefined;
}

function listType(schema: JsonSchema, preserve: boolean): ListType {
  return {
    relationship: schema['x-kubernetes-list-type'] ?? 'atomic',
    keys: schema['x-kubernetes-list-map-keys'] ?? [],
    element: schema.items === undefined ? untypedAtomic : convert(schema.items, preserve),
  };
}

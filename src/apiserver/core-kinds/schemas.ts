import type { JsonSchema } from '../types.ts';

/** Shorthands for the schemas of the built-in kinds. */

export function text(description: string): JsonSchema {
  return { type: 'string', description };
}

export function integer(description: string): JsonSchema {
  return { type: 'integer', format: 'int32', description };
}

export function flag(description: string): JsonSchema {
  return { type: 'boolean', description };
}

export function time(description: string): JsonSchema {
  return { type: 'string', format: 'date-time', description, nullable: true };
}

export function list(items: JsonSchema, description: string): JsonSchema {
  return { type: 'array', items, description, 'x-kubernetes-list-type': 'atomic' };
}

export function keyedList(items: JsonSchema, keys: string[], description: string): JsonSchema {
  const keyed = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys } as const;
  return { type: 'array', items: { ...items, required: keys }, description, ...keyed };
}

export function mapOf(values: JsonSchema, description: string): JsonSchema {
  return { type: 'object', additionalProperties: values, description };
}

export function record(properties: Record<string, JsonSchema>, description: string): JsonSchema {
  return { type: 'object', properties, description };
}

/** A reference to another object. Atomic: its fields are meaningless on their own. */
export function objectReference(description: string): JsonSchema {
  return {
    ...record(
      {
        apiVersion: text('API version of the referent.'),
        kind: text('Kind of the referent.'),
        name: text('Name of the referent.'),
        namespace: text('Namespace of the referent.'),
        uid: text('UID of the referent.'),
        resourceVersion: text('Specific resourceVersion to which this reference is made, if any.'),
        fieldPath: text(
          'If referring to a piece of an object instead of an entire object, a field access statement.',
        ),
      },
      description,
    ),
    'x-kubernetes-map-type': 'atomic',
  };
}

/** One condition in a status. */
export function condition(): JsonSchema {
  return record(
    {
      // What Go always writes is never absent: an item without it has the key ''.
      type: { ...text('Type of the condition.'), default: '' },
      status: text('Status of the condition, one of True, False, Unknown.'),
      lastTransitionTime: time('Last time the condition transitioned from one status to another.'),
      reason: text("Unique, one-word, CamelCase reason for the condition's last transition."),
      message: text('Human-readable message indicating details about last transition.'),
      observedGeneration: {
        type: 'integer',
        format: 'int64',
        description: 'The generation that the condition was set upon.',
      },
    },
    'Condition contains details for the current condition of this object.',
  );
}

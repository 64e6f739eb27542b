/** Pruning: removes fields that a structural schema does not declare, and returns their paths. */

import { own } from '../../base/own.ts';
import type { JsonObject, JsonSchema, JsonValue } from '../types.ts';
import { childPath, isObject } from './json.ts';

const TYPE_AND_META = new Set(['apiVersion', 'kind', 'metadata']);

const OBJECT_META = new Set([
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
]);

const OWNER_REFERENCE = new Set(['apiVersion', 'kind', 'name', 'uid', 'controller', 'blockOwnerDeletion']);

/**
 * Removes unknown fields from a whole object, in place. Returns their paths: those in metadata first, then the
 * others, each sorted, as kube lists them.
 */
export function pruneObject(schema: JsonSchema, preserveUnknown: boolean, object: JsonObject): string[] {
  const meta: string[] = [];
  const unknown: string[] = [];
  const root: JsonSchema = { ...schema, 'x-kubernetes-embedded-resource': true };
  pruneMeta(object, root, '', meta);
  if (preserveUnknown) root['x-kubernetes-preserve-unknown-fields'] = true;
  prune(object, root, '', unknown);
  return [...meta.toSorted(), ...unknown.toSorted()];
}

function prune(
  value: JsonValue | undefined,
  schema: JsonSchema | undefined,
  path: string,
  unknown: string[],
): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) prune(item, schema?.items, `${path}[${index}]`, unknown);
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) pruneKey(value, key, schema, path, unknown);
  }
}

function pruneKey(
  object: JsonObject,
  key: string,
  schema: JsonSchema | undefined,
  path: string,
  unknown: string[],
): void {
  if (schema?.['x-kubernetes-embedded-resource'] === true && TYPE_AND_META.has(key)) return;
  const below = childPath(path, key);
  const declared = own(schema?.properties, key);
  const extra = schema?.additionalProperties;
  if (declared !== undefined) prune(own(object, key), declared, below, unknown);
  else if (typeof extra === 'object') prune(own(object, key), extra, below, unknown);
  else if (schema?.['x-kubernetes-preserve-unknown-fields'] !== true && extra !== true) {
    unknown.push(below);
    delete object[key];
  }
}

/** Prunes the ObjectMeta of an embedded resource by its own schema. */
function pruneMeta(
  value: JsonValue | undefined,
  schema: JsonSchema | undefined,
  path: string,
  unknown: string[],
): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) pruneMeta(item, schema.items, `${path}[${index}]`, unknown);
    return;
  }
  if (!isObject(value)) return;
  if (schema['x-kubernetes-embedded-resource'] === true && isObject(value.metadata)) {
    dropUnknown(value.metadata, OBJECT_META, childPath(path, 'metadata'), unknown);
    pruneOwners(value.metadata, childPath(path, 'metadata'), unknown);
  }
  for (const [key, item] of Object.entries(value)) {
    const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    pruneMeta(item, own(schema.properties, key) ?? extra, childPath(path, key), unknown);
  }
}

function pruneOwners(metadata: JsonObject, path: string, unknown: string[]): void {
  const owners = metadata.ownerReferences;
  if (!Array.isArray(owners)) return;
  for (const [index, owner] of owners.entries()) {
    if (isObject(owner)) dropUnknown(owner, OWNER_REFERENCE, `${path}.ownerReferences[${index}]`, unknown);
  }
}

function dropUnknown(object: JsonObject, known: ReadonlySet<string>, path: string, unknown: string[]): void {
  for (const key of Object.keys(object)) {
    if (known.has(key)) continue;
    unknown.push(childPath(path, key));
    delete object[key];
  }
}

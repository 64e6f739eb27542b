/** The server's part in kubectl's migration from client-side to server-side apply. */

import { sortedKeys } from '../codec/sorted-json.ts';
import type { JsonObject, KubeObject } from '../types.ts';
import { typeErrors } from './check-typed.ts';
import { compareValues } from './compare.ts';
import { printPath } from './elements.ts';
import { fieldSetOf } from './field-set-of.ts';
import { difference, pathsOf, union } from './fieldset.ts';
import type { MergeType } from './merge-type.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

/** Limit on the total size of an object's annotations, in bytes. */
const MAX_ANNOTATIONS = 256 * 1024;

/**
 * The printed paths of the fields that still hold the values that client-side apply wrote: kubectl may take these fields
 * over without a conflict. Undefined if client-side apply never wrote this version of the object.
 */
export function allowedByLastApplied(
  type: MergeType,
  live: KubeObject,
  apiVersion: string,
): ReadonlySet<string> | undefined {
  const last = parse(live.metadata.annotations?.[ANNOTATION]);
  if (last === undefined || last.apiVersion !== apiVersion) return undefined;
  if (typeErrors(type, last).length > 0) return undefined;
  const comparison = compareValues(type, last, live as unknown as JsonObject);
  const changed = union(union(comparison.modified, comparison.added), comparison.removed);
  return new Set(pathsOf(difference(fieldSetOf(type, last), changed)).map(printPath));
}

function parse(annotation: string | undefined): JsonObject | undefined {
  if (annotation === undefined || annotation === '') return undefined;
  try {
    const value: unknown = JSON.parse(annotation);
    return typeof value === 'object' && value !== null ? (value as JsonObject) : undefined;
  } catch (error) {
    // Somebody edited the annotation by hand: there is nothing to take over.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Updates an existing annotation to what kubectl applies, so that kubectl can go back to client-side apply. */
export function syncLastApplied(object: KubeObject, applied: KubeObject): KubeObject {
  const annotations = object.metadata.annotations;
  if (annotations?.[ANNOTATION] === undefined) return object;
  const { [ANNOTATION]: _, ...others } = annotations;
  const text = `${JSON.stringify(sortedKeys(manifestOf(applied)))}\n`;
  const size = Object.entries(others).reduce(
    (sum, [key, value]) => sum + key.length + value.length,
    text.length,
  );
  const value = size > MAX_ANNOTATIONS ? '' : text;
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...others, [ANNOTATION]: value } },
  };
}

function manifestOf(applied: KubeObject): JsonObject {
  const { managedFields: _, annotations, ...metadata } = applied.metadata;
  const { [ANNOTATION]: __, ...others } = annotations ?? {};
  const kept = annotations === undefined ? metadata : { ...metadata, annotations: others };
  return { ...applied, metadata: kept } as unknown as JsonObject;
}

import type { KubeObject, ResourceRef } from '../../api/object.ts';
import { isNotFound } from '../api-error.ts';
import type { KubeClient } from './client.ts';

type Patcher = Pick<KubeClient, 'patch'>;

/**
 * Makes sure that the object cannot go before `finalizer` is removed: do this before any effect outside the API
 * server. Returns the object with it, or unchanged when it has it, or is already being deleted (the API server
 * would refuse). 409 when the object changed since it was read: nothing is written over unseen.
 */
export async function addFinalizer<T extends KubeObject>(
  client: Patcher,
  ref: ResourceRef<T>,
  object: T,
  finalizer: string,
): Promise<T> {
  const { finalizers = [], deletionTimestamp } = object.metadata;
  if (finalizers.includes(finalizer) || deletionTimestamp !== undefined) {
    return object;
  }
  return await patchFinalizers(client, ref, object, [...finalizers, finalizer]);
}

/**
 * Lets the object go as far as `finalizer` is concerned: do this after every effect outside the API server is
 * undone. Undefined when the object is gone; 409 when it changed since it was read.
 */
export async function removeFinalizer<T extends KubeObject>(
  client: Patcher,
  ref: ResourceRef<T>,
  object: T,
  finalizer: string,
): Promise<T | undefined> {
  const { finalizers = [] } = object.metadata;
  if (!finalizers.includes(finalizer)) {
    return object;
  }
  try {
    return await patchFinalizers(
      client,
      ref,
      object,
      finalizers.filter((present) => present !== finalizer),
    );
  } catch (error) {
    if (isNotFound(error)) {
      return undefined;
    }
    throw error;
  }
}

/** A merge patch replaces the list as a whole; the uid and version in it make the server refuse any but this state. */
async function patchFinalizers<T extends KubeObject>(
  client: Patcher,
  ref: ResourceRef<T>,
  { metadata }: T,
  finalizers: readonly string[],
): Promise<T> {
  const { name, namespace, uid, resourceVersion } = metadata;
  return await client.patch(ref, { name, namespace }, { metadata: { uid, resourceVersion, finalizers } });
}

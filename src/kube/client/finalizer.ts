import type { KubeObject, ResourceRef } from '../../base/object.ts';
import { isNotFound } from '../api-error.ts';
import type { KubeClient } from './client.ts';

type Patcher = Pick<KubeClient, 'patch'>;

/**
 * Adds `finalizer`, so that the object cannot go before it is removed. Do this before any effect outside the API server. Returns
 * the object with the finalizer; or unchanged, if it has the finalizer or is already being deleted (the API server would refuse
 * then). 409 when the object changed since it was read, so that no change is overwritten unseen.
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
 * Removes `finalizer`. Do this when every effect outside the API server is undone. Resolves with undefined when the object is
 * gone; 409 when it changed since it was read.
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

/** A merge patch replaces the whole list. With uid and version in it, the server refuses it if the object is not in this state. */
async function patchFinalizers<T extends KubeObject>(
  client: Patcher,
  ref: ResourceRef<T>,
  { metadata }: T,
  finalizers: readonly string[],
): Promise<T> {
  const { name, namespace, uid, resourceVersion } = metadata;
  return await client.patch(ref, { name, namespace }, { metadata: { uid, resourceVersion, finalizers } });
}

import { createHash } from 'node:crypto';
import { type KubeObject, keyOf, type ResourceRef } from '../../api/object.ts';
import { containsJson, isSameJson } from '../../base/equality.ts';
import type { ApplyConfiguration, KubeClient } from './client.ts';

/**
 * Server-side apply that writes only what is news. What is compared is the cache: when it lags behind, a write too
 * many is harmless, and one too few is made good when the cache has caught up and the key is reconciled again.
 */
export interface Applier {
  /**
   * Makes `status` the whole of what this manager says about the object. Undefined when it already is.
   * 404 when the object is gone. An object that has taken its name since gets this status for the moment: API servers
   * do not compare uids here, but the new object's own reconcile puts it right.
   */
  status<T extends KubeObject & { status?: unknown }>(
    ref: ResourceRef<T>,
    object: T,
    status: NonNullable<T['status']>,
    signal?: AbortSignal,
  ): Promise<T | undefined>;
  /**
   * Makes `desired` all the fields that this manager owns in the object, creating it if need be; fields that it
   * applied before and now leaves out go away. Undefined when nothing would change in `cached`.
   */
  object<T extends KubeObject>(
    ref: ResourceRef<T>,
    desired: ApplyConfiguration,
    cached: T | undefined,
    signal?: AbortSignal,
  ): Promise<T | undefined>;
  /** The object is gone: nothing needs to be remembered of it. */
  forget(ref: ResourceRef, key: string): void;
}

/** An applier that owns fields under the name `fieldManager`. */
export function createApplier(
  client: Pick<KubeClient, 'apply' | 'applyStatus'>,
  fieldManager: string,
): Applier {
  // The cache shows that all wanted fields are there, but not that no former ones are left: so what was applied
  // last is remembered. After a restart each object is applied once more, which changes nothing on the server.
  const lastApplied = new Map<string, string>();
  const memoKey = (ref: ResourceRef, key: string) => `${ref.group}/${ref.plural}/${key}`;
  return {
    status: async (ref, object, status, signal) => {
      if (isSameJson(object.status, status)) {
        return undefined;
      }
      const { name, namespace } = object.metadata;
      const { apiVersion, kind } = object;
      const configuration = { apiVersion, kind, metadata: { name, namespace }, status };
      return await client.applyStatus(ref, configuration, { fieldManager, signal });
    },
    object: async (ref, desired, cached, signal) => {
      const key = memoKey(ref, keyOf(desired));
      const digest = createHash('sha256')
        .update(JSON.stringify([cached?.metadata.uid, desired]))
        .digest('base64');
      if (cached !== undefined && lastApplied.get(key) === digest && containsJson(cached, desired)) {
        return undefined;
      }
      const applied = await client.apply(ref, desired, { fieldManager, signal });
      const uid = applied.metadata.uid;
      lastApplied.set(
        key,
        createHash('sha256')
          .update(JSON.stringify([uid, desired]))
          .digest('base64'),
      );
      return applied;
    },
    forget: (ref, key) => {
      lastApplied.delete(memoKey(ref, key));
    },
  };
}

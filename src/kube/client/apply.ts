import { createHash } from 'node:crypto';
import { containsJson, isSameJson } from '../../base/equality.ts';
import { type KubeObject, keyOf, type ResourceRef } from '../../base/object.ts';
import type { ApplyConfiguration, KubeClient } from './client.ts';

/**
 * Server-side apply that writes only what changes something. It compares with the cache, which may lag behind. A superfluous
 * write is harmless; a missing one is made when the cache has caught up and the key is reconciled again.
 */
export interface Applier {
  /**
   * Makes `status` everything that this field manager owns in the object's status. Resolves with undefined when it already is;
   * 404 when the object is gone. If another object has taken the name meanwhile, that one gets this status for a moment, since
   * API servers do not compare uids here; its own reconcile corrects it.
   */
  status<T extends KubeObject & { status?: unknown }>(
    ref: ResourceRef<T>,
    object: T,
    status: NonNullable<T['status']>,
    signal?: AbortSignal,
  ): Promise<T | undefined>;
  /**
   * Makes `desired` all the fields that this field manager owns in the object, and creates the object if it is missing. Fields
   * that the manager applied before and now leaves out are removed. Resolves with undefined when nothing would change in `cached`.
   */
  object<T extends KubeObject>(
    ref: ResourceRef<T>,
    desired: ApplyConfiguration,
    cached: T | undefined,
    signal?: AbortSignal,
  ): Promise<T | undefined>;
  /** Drops what is remembered about the object. Call it when the object is gone. */
  forget(ref: ResourceRef, key: string): void;
}

/** An applier that owns fields under the name `fieldManager`. */
export function createApplier(
  client: Pick<KubeClient, 'apply' | 'applyStatus'>,
  fieldManager: string,
): Applier {
  // The cache shows that all desired fields are there, but not that no former ones are left. So the last applied configuration
  // is remembered. After a restart each object is applied once more, which changes nothing on the server.
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

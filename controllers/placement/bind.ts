import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FIELD_MANAGER } from '../../src/api/labels.ts';
import { isConflict, isNotFound } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client.ts';

/**
 * Writes the binding, once and for good. The version in the patch makes the server refuse it when anything about the
 * appliance changed since the decision; false then, and placement decides anew.
 */
export async function bind(
  client: Pick<KubeClient, 'patch'>,
  { metadata }: VirtualAppliance,
  hostName: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, namespace, uid, resourceVersion } = metadata;
  const patch = { metadata: { uid, resourceVersion }, spec: { hostName } };
  try {
    await client.patch(VIRTUAL_APPLIANCES, { name, namespace }, patch, {
      fieldManager: FIELD_MANAGER,
      signal,
    });
    return true;
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return false;
    throw error;
  }
}

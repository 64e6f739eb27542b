import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FIELD_MANAGER } from '../../src/api/labels.ts';
import { isFailedTest, isNotFound } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';

/**
 * Writes the binding, which never changes afterwards. The API server refuses it when the name belongs to another object by now,
 * or when the generation shows that the spec changed or that the appliance was deleted. A write of the status does not matter.
 * @returns false when it was refused: placement decides again
 */
export async function bind(
  client: Pick<KubeClient, 'patch'>,
  { metadata }: VirtualAppliance,
  hostName: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, namespace, uid, generation } = metadata;
  const patch = [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/metadata/generation', value: generation },
    { op: 'add', path: '/spec/hostName', value: hostName },
  ] as const;
  try {
    await client.patch(VIRTUAL_APPLIANCES, { name, namespace }, patch, {
      fieldManager: FIELD_MANAGER,
      signal,
    });
    return true;
  } catch (error) {
    if (isFailedTest(error) || isNotFound(error)) return false;
    throw error;
  }
}

import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FIELD_MANAGER } from '../../src/api/labels.ts';
import { isFailedTest, isNotFound } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';

/**
 * Writes the binding, once and for good. The server refuses it when what was decided about is another object by now, its spec has
 * changed or it is to go (its generation tells both): false then, and placement decides anew. A status that is written meanwhile
 * does not matter.
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

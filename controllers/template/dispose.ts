import { SERVICE_DEPLOYMENTS, TEMPLATES, type Template, VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { listAll } from '../../src/kube/client/list-all.ts';
import { isForCheckpointOf } from '../objects/checkpoints.ts';
import { isImageOf, parentKey, templateKeysOf, usedTemplateKeys } from '../objects/template-references.ts';

/**
 * Deletes a template whose time has come, unless the API server knows of a use that the cache does not show. Its finalizer has all its
 * copies deleted first.
 * @returns whether it was deleted
 * @throws ApiError 409 when the template changed meanwhile
 */
export async function dispose(client: KubeClient, template: Template, signal: AbortSignal): Promise<boolean> {
  if (await isUsed(client, template, signal)) return false;
  const { name, namespace = 'default', uid, resourceVersion } = template.metadata;
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  await client.delete(TEMPLATES, { name, namespace }, { preconditions, signal });
  return true;
}

async function isUsed(client: KubeClient, template: Template, signal: AbortSignal): Promise<boolean> {
  const key = keyOf(template);
  const [appliances, templates, tasks] = await Promise.all([
    listAll(client, VIRTUAL_APPLIANCES, { signal }),
    listAll(client, TEMPLATES, { signal }),
    listAll(client, SERVICE_DEPLOYMENTS, { signal }),
  ]);
  return (
    appliances.items.some((one) => usedTemplateKeys(one).includes(key)) ||
    templates.items.some((one) => parentKey(one) === key && !isForCheckpointOf(one, template)) ||
    tasks.items.some((one) => templateKeysOf(one).includes(key) || isImageOf(template, one))
  );
}

import { SERVICE_DEPLOYMENTS, type ServiceDeployment } from '../../src/api/kinds.ts';
import { ANNOTATION_CARRIED_REPLICAS, FIELD_MANAGER } from '../../src/api/labels.ts';
import { isConflict, isNotFound } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { declaredReplicas } from './wanted.ts';

/**
 * Fills in `spec.replicas` of a task of one service from the service's own, and carries a later change of those over, so that
 * `kubectl scale --current-replicas` and autoscalers find a number before anybody has scaled. What they set stays until then. Which number
 * was carried over is recorded by the same write: a change that is taken back before anything else is written is a change, too.
 * @returns the task as it is on the API server now; as it was, when another writer was faster: its change brings the task back
 */
export async function fillReplicas(
  client: Pick<KubeClient, 'patch'>,
  task: ServiceDeployment,
  signal: AbortSignal,
): Promise<ServiceDeployment> {
  const wanted = changeFor(task);
  if (wanted === undefined) return task;
  const { name, namespace, uid, resourceVersion } = task.metadata;
  const { carried, replicas } = wanted;
  const change = {
    metadata: { uid, resourceVersion, annotations: { [ANNOTATION_CARRIED_REPLICAS]: `${carried}` } },
    ...(replicas === undefined ? {} : { spec: { replicas } }),
  };
  try {
    return await client.patch(SERVICE_DEPLOYMENTS, { name, namespace }, change, {
      fieldManager: FIELD_MANAGER,
      signal,
    });
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return task;
    throw error;
  }
}

/** What is to be written: the number that was carried over, and `spec.replicas` where that is to be another one. */
function changeFor(
  task: ServiceDeployment,
): { readonly carried: number; readonly replicas?: number } | undefined {
  const { metadata, spec, status } = task;
  const [service, ...others] = spec.services;
  if (service === undefined || others.length > 0) return undefined;
  const declared = declaredReplicas(service);
  const recorded = metadata.annotations?.[ANNOTATION_CARRIED_REPLICAS];
  // Before there was the annotation, the status alone told.
  const carried = recorded ?? status?.declaredReplicas?.toString();
  const isChanged = carried !== undefined && carried !== `${declared}`;
  if (spec.replicas === undefined || (isChanged && spec.replicas !== declared))
    return { carried: declared, replicas: declared };
  return recorded === `${declared}` ? undefined : { carried: declared };
}

import { SERVICE_DEPLOYMENTS, type ServiceDeployment } from '../../src/api/kinds.ts';
import { FIELD_MANAGER } from '../../src/api/labels.ts';
import { isConflict, isNotFound } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { declaredReplicas } from './wanted.ts';

/**
 * Fills in `spec.replicas` of a task of one service from the service's own, and carries a later change of those over, so that
 * `kubectl scale --current-replicas` and autoscalers find a number before anybody has scaled. What they set stays until then.
 * @returns the task as it is on the API server now; as it was, when another writer was faster: its change brings the task back
 */
export async function fillReplicas(
  client: Pick<KubeClient, 'patch'>,
  task: ServiceDeployment,
  signal: AbortSignal,
): Promise<ServiceDeployment> {
  const replicas = replicasToFill(task);
  if (replicas === undefined) return task;
  const { name, namespace, uid, resourceVersion } = task.metadata;
  const change = { metadata: { uid, resourceVersion }, spec: { replicas } };
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

function replicasToFill({ spec, status }: ServiceDeployment): number | undefined {
  const [service, ...others] = spec.services;
  if (service === undefined || others.length > 0) return undefined;
  const declared = declaredReplicas(service);
  if (spec.replicas === undefined) return declared;
  const isChanged = status?.declaredReplicas !== undefined && status.declaredReplicas !== declared;
  return isChanged && spec.replicas !== declared ? declared : undefined;
}

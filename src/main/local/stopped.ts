import {
  CONDITION_AVAILABLE,
  CONDITION_READY,
  CONDITION_RECONCILING,
  type Condition,
  findCondition,
  setCondition,
  setSummary,
} from '../../api/conditions.ts';
import {
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../api/kinds.ts';
import { FIELD_MANAGER } from '../../api/labels.ts';
import { createApplier } from '../../kube/client/apply.ts';
import type { KubeClient } from '../../kube/client/client.ts';

const REASON = 'Stopped';
const MESSAGE = 'Coppice on this machine is stopped, and its VMs with it: `coppice up` starts them again';

/**
 * Writes into the status of every appliance and task that its VMs are stopped. For the end of a local Coppice, when no operator
 * runs any more; the next operator continues with these statuses.
 * @param now milliseconds since the epoch
 */
export async function reportStopped(client: KubeClient, now: number): Promise<void> {
  const applier = createApplier(client, FIELD_MANAGER);
  for (const appliance of (await client.list(VIRTUAL_APPLIANCES)).items) {
    if (appliance.status?.vm === undefined) continue;
    await applier.status(VIRTUAL_APPLIANCES, appliance, stoppedAppliance(appliance, now));
  }
  for (const task of (await client.list(SERVICE_DEPLOYMENTS)).items) {
    if (findCondition(task.status?.conditions, CONDITION_READY) === undefined) continue;
    await applier.status(SERVICE_DEPLOYMENTS, task, stoppedTask(task, now));
  }
}

function stoppedAppliance(
  { status }: VirtualAppliance,
  now: number,
): NonNullable<VirtualAppliance['status']> {
  const conditions = stoppedConditions(status?.conditions, status?.observedGeneration, now);
  const available = findCondition(conditions, CONDITION_READY);
  return {
    ...status,
    conditions:
      available === undefined
        ? conditions
        : setCondition(conditions, { ...available, type: CONDITION_AVAILABLE }, now),
    serviceState: 'VMUnavailable',
    url: undefined,
    accessPoints: [],
    vm: { ...status?.vm, state: 'Stopped', pid: undefined },
  };
}

function stoppedTask({ status }: ServiceDeployment, now: number): NonNullable<ServiceDeployment['status']> {
  return {
    ...status,
    conditions: stoppedConditions(status?.conditions, status?.observedGeneration, now),
    readyReplicas: 0,
    url: undefined,
    services: status?.services?.map((service) => ({
      ...service,
      readyReplicas: 0,
      updatedReplicas: 0,
      accessPoints: [],
    })),
  };
}

/** Nothing is done about it, so it is not Reconciling, either. */
function stoppedConditions(
  conditions: readonly Condition[] | undefined,
  generation: number | undefined,
  now: number,
): Condition[] {
  const summary = { state: 'reconciling', reason: REASON, message: MESSAGE } as const;
  const observed = generation === undefined || generation < 0 ? undefined : generation;
  const list = setSummary(conditions, summary, observed, now);
  const reconciling = findCondition(list, CONDITION_RECONCILING);
  if (reconciling === undefined) return list;
  return setCondition(list, { ...reconciling, status: 'False', message: '' }, now);
}

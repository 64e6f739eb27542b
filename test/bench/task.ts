import { setTimeout as delay } from 'node:timers/promises';
import { SERVICE_DEPLOYMENTS, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { LABEL_SERVICE_DEPLOYMENT } from '../../src/api/labels.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';

const POLL_MS = 50;
const NAMESPACE = 'default';
/** What a minimal guest needs. */
export const RESOURCES = { cpu: '50m', memory: '128Mi' };

/** Applies a task of `replicas` small web services on the minimal template. */
export async function applyTask(client: KubeClient, name: string, replicas: number): Promise<void> {
  const service = {
    name: 'web',
    replicas,
    template: { series: 'minimal', namespace: 'coppice-system' },
    resources: RESOURCES,
    package: { inline: { files: { 'index.html': 'benchmark\n' } } },
  };
  const task = {
    apiVersion: 'coppice.dev/v1alpha1',
    kind: 'ServiceDeployment',
    metadata: { name, namespace: NAMESPACE },
    spec: { services: [service] },
  };
  await client.apply(SERVICE_DEPLOYMENTS, task, { fieldManager: 'bench' });
}

/** Polls until `enough` says so of the task's appliances, and resolves with them. */
export async function untilAppliances(
  client: KubeClient,
  name: string,
  enough: (appliances: readonly VirtualAppliance[]) => boolean,
): Promise<readonly VirtualAppliance[]> {
  for (;;) {
    const labelSelector = `${LABEL_SERVICE_DEPLOYMENT}=${name}`;
    const { items } = await client.list(VIRTUAL_APPLIANCES, { namespace: NAMESPACE, labelSelector });
    if (enough(items)) return items;
    await delay(POLL_MS);
  }
}

/** Deletes the task and waits until its last VM is gone. */
export async function deleteTask(client: KubeClient, name: string): Promise<void> {
  await client.delete(SERVICE_DEPLOYMENTS, { name, namespace: NAMESPACE });
  await untilAppliances(client, name, (appliances) => appliances.length === 0);
}

/** Whether the appliance's service answers. */
export function isAvailable({ status }: VirtualAppliance): boolean {
  return status?.serviceState === 'ServiceAvailable';
}

import type { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import type { Condition } from '../../../src/api/conditions.ts';
import type { IPPool } from '../../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { type CallObservation, createKubeClient } from '../../../src/kube/client/create.ts';
import { startTestApi, type TestApi } from '../../kubernetes/factory.ts';

const NAMESPACES: ResourceRef = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/** A kind of ours that nothing reconciles in these tests. */
export const IP_POOLS: ResourceRef<IPPool> = {
  group: 'coppice.dev',
  version: 'v1alpha1',
  plural: 'ippools',
  kind: 'IPPool',
  namespaced: true,
};

export const log = pino({ level: 'silent' });

/** An API with a namespace for the test, and a client of it. */
export interface World {
  readonly api: TestApi;
  readonly client: KubeClient;
  readonly namespace: string;
  /** Every call that the client made. */
  readonly calls: CallObservation[];
  /** Another client of the same API; stopped with the world. */
  clientFor(kubeConfig: KubeConfig): KubeClient;
  stop(): Promise<void>;
}

/** Starts an API and makes the namespace in it. */
export async function startWorld(namespace: string): Promise<World> {
  const api = await startTestApi();
  const calls: CallObservation[] = [];
  const clients: KubeClient[] = [];
  const clientFor = (kubeConfig: KubeConfig, observe?: (call: CallObservation) => void) => {
    const client = createKubeClient(kubeConfig, { log, observe });
    clients.push(client);
    return client;
  };
  const client = clientFor(api.kubeConfig, (call) => calls.push(call));
  const stop = async () => {
    await Promise.all(clients.map((open) => open.close()));
    await api.stop();
  };
  try {
    const object: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await client.create(NAMESPACES, object);
  } catch (error) {
    await stop();
    throw error;
  }
  return { api, client, namespace, calls, clientFor: (kubeConfig) => clientFor(kubeConfig), stop };
}

/** A valid pool. */
export function pool(namespace: string, name: string, spec: Partial<IPPool['spec']> = {}): IPPool {
  return {
    apiVersion: 'coppice.dev/v1alpha1',
    kind: 'IPPool',
    metadata: { namespace, name },
    spec: { family: 'IPv4', ranges: [{ start: '10.0.0.10', end: '10.0.0.20' }], prefix: 24, ...spec },
  };
}

export function ready(generation: number | undefined): Condition {
  return {
    type: 'Ready',
    status: 'True',
    reason: 'Counted',
    message: '',
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: '2030-01-01T00:00:00Z',
  };
}

import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { type Condition, isConditionTrue } from '../../../src/api/conditions.ts';
import {
  HOSTS,
  SERVICE_DEPLOYMENTS,
  TEMPLATES,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../../src/api/kinds.ts';
import { type KubeObject, keyOf } from '../../../src/base/object.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { createKubeClient } from '../../../src/kube/client/create.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import { findKubernetesPrograms } from '../../kubernetes/assets.ts';
import { startControlPlane } from '../../kubernetes/control-plane.ts';
import { installCrds } from '../../kubernetes/crds.ts';
import type { ApiCalls } from './api-process.ts';
import type { FleetCalls } from './fleet-process.ts';
import type { OperatorCalls } from './operator-process.ts';
import { childrenNamed, cpuSeconds, type Part, startPart } from './parts.ts';

export type Server = 'embedded' | 'kube-apiserver';

const NAMESPACE = 'default';
const TEMPLATE = 'small';
const MODULE = (name: string) => new URL(`${name}-process.ts`, import.meta.url);

/** CPU seconds by part. */
export type Cpu = Readonly<Record<string, number>>;

/** An API server, an operator and many simulated hosts, each part in a process of its own. */
export class ScaleWorld {
  readonly client: KubeClient;
  readonly operator: Part<OperatorCalls>;
  readonly fleet: Part<FleetCalls>;
  readonly #directory: string;
  readonly #metricsUrl: string;
  readonly #pids: Readonly<Record<string, number>>;
  readonly #stops: readonly (() => Promise<void>)[];
  /** By key, the appliances whose services answer. */
  readonly #available = new Set<string>();
  readonly #watching: AbortController = new AbortController();
  #count = 0;

  private constructor(facts: {
    readonly client: KubeClient;
    readonly operator: Part<OperatorCalls>;
    readonly fleet: Part<FleetCalls>;
    readonly directory: string;
    readonly metricsUrl: string;
    readonly pids: Readonly<Record<string, number>>;
    readonly stops: readonly (() => Promise<void>)[];
  }) {
    this.client = facts.client;
    this.operator = facts.operator;
    this.fleet = facts.fleet;
    this.#directory = facts.directory;
    this.#metricsUrl = facts.metricsUrl;
    this.#pids = facts.pids;
    this.#stops = facts.stops;
  }

  /** Resolves when all hosts are ready and there is a template. */
  static async start(server: Server, hosts: number, startMs: number): Promise<ScaleWorld> {
    const stops: (() => Promise<void>)[] = [];
    const directory = await mkdtemp(join(tmpdir(), 'coppice-scale-'));
    stops.push(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
    try {
      const api = await startApi(server);
      stops.push(api.stop);
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromFile(api.kubeconfigPath);
      const client = createKubeClient(kubeConfig, { log: pino({ level: 'silent' }), timeoutMs: 120_000 });
      stops.push(() => client.close());
      await installCrds(client);
      const fleet = startPart<FleetCalls>(MODULE('fleet'));
      stops.push(() => fleet.stop());
      const { addresses, operatorTls } = await fleet.call('start', { directory, hosts, startMs });
      const operator = startPart<OperatorCalls>(MODULE('operator'));
      stops.push(() => operator.stop());
      const plan = { kubeconfigPath: api.kubeconfigPath, hostTls: operatorTls };
      const metricsUrl = await operator.call('start', plan);
      const pids = { ...api.pids, operator: operator.pid, daemons: fleet.pid, bench: process.pid };
      const world = new ScaleWorld({ client, operator, fleet, directory, metricsUrl, pids, stops });
      await world.#prepare(addresses);
      return world;
    } catch (error) {
      for (const stop of stops.toReversed()) await stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#watching.abort();
    for (const stop of this.#stops.toReversed()) await stop();
  }

  /** CPU seconds of every part up to now. */
  async cpu(): Promise<Cpu> {
    const entries = Object.entries(this.#pids).map(async ([name, pid]) => [name, await cpuSeconds(pid)]);
    return Object.fromEntries(await Promise.all(entries)) as Cpu;
  }

  /** The operator's metrics, as text. */
  async metrics(): Promise<string> {
    return await (await fetch(`${this.#metricsUrl}/metrics`)).text();
  }

  /** Applies a task and returns its name. */
  async apply(replicas: number): Promise<string> {
    this.#count += 1;
    const name = `task-${this.#count}`;
    const service = {
      name: 'web',
      replicas,
      template: { name: TEMPLATE },
      resources: { cpu: '100m', memory: '128Mi' },
      package: { inline: { files: { 'index.html': 'benchmark\n' } } },
    };
    const task = {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'ServiceDeployment',
      metadata: { name, namespace: NAMESPACE },
      spec: { services: [service] },
    };
    await this.client.apply(SERVICE_DEPLOYMENTS, task, { fieldManager: 'bench' });
    return name;
  }

  /** Waits until so many appliances' services answer, as a watcher of the API sees it. */
  async untilAvailable(count: number): Promise<void> {
    while (this.#available.size < count) await delay(20);
  }

  /** Removes all tasks and waits until no appliance is left. */
  async removeAll(): Promise<void> {
    const { items } = await this.client.list(SERVICE_DEPLOYMENTS, { namespace: NAMESPACE });
    for (const { metadata } of items) {
      await this.client.delete(SERVICE_DEPLOYMENTS, { name: metadata.name, namespace: NAMESPACE });
    }
    while ((await this.appliances()).length > 0) await delay(500);
  }

  /** Waits until the API says that so many hosts are Ready and so many appliances available. */
  async untilSteady(hosts: number, appliances: number): Promise<void> {
    for (;;) {
      const [{ items }, all] = [await this.client.list(HOSTS), await this.appliances()];
      if (readyAmong(items) === hosts && readyAmong(all) === appliances) return;
      await delay(200);
    }
  }

  async appliances(): Promise<VirtualAppliance[]> {
    return (await this.client.list(VIRTUAL_APPLIANCES, { namespace: NAMESPACE })).items;
  }

  /** Waits until nobody has written anything for so long, but what is measured on hosts, which never ends. */
  async untilQuiet(quietMs: number): Promise<void> {
    for (let before = -1, now = 0; before !== now; ) {
      before = now;
      await delay(quietMs);
      const { by } = writesIn(await this.metrics());
      now = Object.entries(by).reduce((sum, [key, count]) => (key.includes('hosts') ? sum : sum + count), 0);
    }
  }

  async #prepare(addresses: Readonly<Record<string, string>>): Promise<void> {
    const content = aBootableDisk('image');
    const path = join(this.#directory, 'image');
    await writeFile(path, content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const source = { image: { url: pathToFileURL(path).href, sha256 } };
    await this.#apply(TEMPLATES, 'Template', TEMPLATE, { source, container: { type: 'static-site' } });
    await Promise.all(
      Object.entries(addresses).map(([name, address]) => this.#apply(HOSTS, 'Host', name, { address })),
    );
    void this.#watch();
    await this.untilSteady(Object.keys(addresses).length, 0);
  }

  async #apply(
    ref: typeof TEMPLATES | typeof HOSTS,
    kind: string,
    name: string,
    spec: object,
  ): Promise<void> {
    const namespace = ref.namespaced ? { namespace: NAMESPACE } : {};
    const object = { apiVersion: 'coppice.dev/v1alpha1', kind, metadata: { name, ...namespace }, spec };
    await this.client.apply<KubeObject>(ref, object, { fieldManager: 'bench' });
  }

  async #watch(): Promise<void> {
    const { signal } = this.#watching;
    let { resourceVersion } = await this.client.list(VIRTUAL_APPLIANCES);
    while (!signal.aborted) {
      try {
        const options = { resourceVersion, timeoutSeconds: 3600, idleMs: 3_600_000, signal };
        for await (const { type, object } of this.client.watch(VIRTUAL_APPLIANCES, options)) {
          resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
          if (type === 'DELETED') this.#available.delete(keyOf(object));
          else if (object.status?.serviceState === 'ServiceAvailable') this.#available.add(keyOf(object));
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }
}

function readyAmong(objects: readonly { readonly status?: { conditions?: Condition[] } }[]): number {
  return objects.filter(({ status }) => isConditionTrue(status?.conditions, 'Ready')).length;
}

async function startApi(server: Server): Promise<{
  readonly kubeconfigPath: string;
  readonly pids: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}> {
  if (server === 'embedded') {
    const part = startPart<ApiCalls>(MODULE('api'));
    return { kubeconfigPath: await part.call('start'), pids: { api: part.pid }, stop: () => part.stop() };
  }
  const plane = await startControlPlane(await findKubernetesPrograms(process.env));
  const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager'];
  return { ...plane, pids: await childrenNamed(programs) };
}

/** Writes of the operator so far, by method, resource and subresource; its election's are none of them. */
export function writesIn(metrics: string): { readonly total: number; readonly by: Record<string, number> } {
  const by: Record<string, number> = {};
  const lines = metrics.matchAll(
    /^coppice_operator_api_requests_total\{method="(\w+)",resource="(\w+)",subresource="(\w*)",status="(\d+)"\} (\d+)$/gm,
  );
  for (const [, method, resource, subresource, status, count] of lines) {
    if (method === 'GET' || resource === 'leases') continue;
    const key = [method, resource, subresource, status].filter((part) => part !== '').join(' ');
    by[key] = (by[key] ?? 0) + Number(count);
  }
  return { total: Object.values(by).reduce((sum, count) => sum + count, 0), by };
}

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import type { Timings } from '../../../controllers/context.ts';
import type { Debounce } from '../../../controllers/status/write-debouncer.ts';
import {
  HOSTS,
  type Host,
  IP_LEASES,
  IP_POOLS,
  type IPLease,
  type IPPool,
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  TEMPLATES,
  type Template,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../../src/api/kinds.ts';
import type { KubeObject, ObjectName } from '../../../src/base/object.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { createKubeClient } from '../../../src/kube/client/create.ts';
import type { HostdConfig } from '../../../src/main/hostd.ts';
import { type Operator, type OperatorConfig, runOperator } from '../../../src/main/operator.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import { fastClock } from '../../builders/fast-clock.ts';
import { startTestApi, type TestApi } from '../../kubernetes/factory.ts';
import { type Capacity, Daemons } from './daemons.ts';
import { eventually } from './eventually.ts';

/** As patient as with real VMs, only for shorter. */
export const TIMINGS = {
  hostGraceMs: 1000,
  hostStatus: { settleMs: 200, maxMs: 1000 },
  deploymentStatus: { settleMs: 100, maxMs: 500 },
  templateStatus: { settleMs: 100, maxMs: 500 },
  poolStatus: { settleMs: 100, maxMs: 500 },
} satisfies Partial<Timings>;

/** Leases are renewed all the time; reviews are questions, and nothing is written. */
const UNCOUNTED = ['leases', 'selfsubjectrulesreviews'];

const quiet = pino({ level: process.env.TEST_LOG ?? 'silent' });

/** An API server, hosts with the simulated driver, and the operator between them: all in this process. */
export class World {
  readonly api: TestApi;
  readonly kube: KubeClient;
  readonly directory: string;
  readonly daemons: Daemons;
  #operator: Operator | undefined;

  private constructor(api: TestApi, directory: string, daemons: Daemons) {
    this.api = api;
    this.kube = createKubeClient(api.kubeConfig, { log: quiet });
    this.directory = directory;
    this.daemons = daemons;
  }

  /**
   * @param env may name the API server, as `startTestApi` reads it
   * @param log of the daemons
   */
  static async start(
    options: Parameters<typeof startTestApi>[0] = {},
    env: NodeJS.ProcessEnv = process.env,
    log = quiet,
  ): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'coppice-operator-'));
    return new World(await startTestApi(options, env), directory, await Daemons.create(directory, log));
  }

  async stop(): Promise<void> {
    await this.stopOperator();
    await this.daemons.stopAll();
    await this.kube.close();
    await this.api.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async startOperator(change: Partial<OperatorConfig> = {}): Promise<void> {
    this.#operator = await this.newOperator(change);
  }

  /** One more operator, which who asks for it has to close. */
  async newOperator(change: Partial<OperatorConfig> = {}): Promise<Operator> {
    return await runOperator({
      kubeConfig: this.api.operatorKubeConfig,
      hostTls: this.daemons.operatorTls,
      metricsListen: { host: '127.0.0.1', port: 0 },
      timings: TIMINGS,
      log: quiet,
      signal: new AbortController().signal,
      ...change,
    });
  }

  /**
   * One more, whose time passes `factor` times as fast as the machine's. The pauses between its writes are as long as those of others:
   * they are short already.
   */
  async newFastOperator(factor: number, change: Partial<OperatorConfig> = {}): Promise<Operator> {
    const longer = ({ settleMs, maxMs }: Debounce): Debounce => ({
      settleMs: settleMs * factor,
      maxMs: maxMs * factor,
    });
    const timings = {
      hostGraceMs: TIMINGS.hostGraceMs * factor,
      hostStatus: longer(TIMINGS.hostStatus),
      deploymentStatus: longer(TIMINGS.deploymentStatus),
      templateStatus: longer(TIMINGS.templateStatus),
      poolStatus: longer(TIMINGS.poolStatus),
    };
    return await this.newOperator({ clock: fastClock(factor), timings, ...change });
  }

  hasOperator(): boolean {
    return this.#operator !== undefined;
  }

  /** The operator's certificates as files, for one in a process of its own. */
  async operatorFiles(
    operator: string,
  ): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
    const files = await this.daemons.tlsOf(operator);
    const write = async (name: keyof typeof files) => {
      const path = join(this.directory, `${operator}-${name}.pem`);
      await writeFile(path, files[name], { mode: 0o600 });
      return path;
    };
    return { ca: await write('ca'), cert: await write('cert'), key: await write('key') };
  }

  /** How many writes the operator of this world has made to the API since it started, of those to resources that count. */
  async writes(isCounted?: (resource: string) => boolean): Promise<number> {
    if (this.#operator === undefined) throw new Error('there is no operator');
    return await this.writesOf(this.#operator, isCounted);
  }

  /** The same of any operator, as its metrics tell; the election itself and questions never count. */
  async writesOf({ metricsUrl }: Operator, isCounted = (_resource: string) => true): Promise<number> {
    const text = await (await fetch(`${metricsUrl}/metrics`)).text();
    const counts = text.matchAll(
      /^coppice_operator_api_requests_total\{method="(\w+)",resource="(\w+)".*\} (\d+)$/gm,
    );
    return [...counts]
      .filter(([, method]) => method !== 'GET')
      .filter(([, , resource = '']) => !UNCOUNTED.includes(resource) && isCounted(resource))
      .reduce((sum, [, , , count]) => sum + Number(count), 0);
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.close();
    this.#operator = undefined;
  }

  /** Starts a daemon and registers its host, labelled with its name. */
  async addHost(
    name: string,
    capacity: Capacity = {},
    more: Pick<HostdConfig, 'sharedDirectory'> = {},
  ): Promise<void> {
    await this.kube.create(HOSTS, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Host',
      metadata: { name, labels: { name } },
      spec: { address: await this.daemons.start(name, capacity, more) },
    } as never);
  }

  /** A port of this machine that nobody had a moment ago. */
  async freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  }

  /** A template from an image file made for it. */
  async addTemplate(
    name: string,
    change: { namespace?: string; spec?: object; sha256?: string } = {},
  ): Promise<Template> {
    const content = aBootableDisk(`${change.namespace ?? 'default'}/${name}`);
    const path = join(this.directory, `${change.namespace ?? 'default'}-${name}.img`);
    await writeFile(path, content);
    const sha256 = change.sha256 ?? createHash('sha256').update(content).digest('hex');
    const image = { url: pathToFileURL(path).href, sha256 };
    return await this.kube.create(TEMPLATES, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Template',
      metadata: { name, namespace: change.namespace ?? 'default' },
      spec: { source: { image }, container: { type: 'static-site' }, ...change.spec },
    } as never);
  }

  /** A task of one service, `web`. */
  async deploy(name: string, service: object = {}, spec: object = {}): Promise<ServiceDeployment> {
    const web = {
      name: 'web',
      template: { name: 'debian' },
      package: { inline: { files: { 'index.html': 'hello' } } },
      ...service,
    };
    return await this.kube.create(SERVICE_DEPLOYMENTS, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'ServiceDeployment',
      metadata: { name, namespace: 'default' },
      spec: { services: [web], ...spec },
    } as never);
  }

  /** Changes the service `web` of a task, as `kubectl edit` would. */
  async change(name: string, service: object, spec: object = {}): Promise<void> {
    const found = await this.deployment(name);
    const [web] = found.spec.services;
    await this.kube.patch(
      SERVICE_DEPLOYMENTS,
      { namespace: 'default', name },
      { spec: { services: [{ ...web, ...service }], ...spec } },
    );
  }

  /** An appliance made by hand. */
  async addAppliance(name: string, spec: object = {}): Promise<void> {
    await this.kube.create(VIRTUAL_APPLIANCES, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'VirtualAppliance',
      metadata: { name, namespace: 'default' },
      spec: { template: { name: 'debian' }, ...spec },
    } as never);
  }

  /** A pool of 10.0.8.0/24 that gives 10.0.8.10 to 10.0.8.12, or as told. */
  async addPool(name: string, spec: object = {}): Promise<void> {
    const ranges = [{ start: '10.0.8.10', end: '10.0.8.12' }];
    await this.kube.create(IP_POOLS, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'IPPool',
      metadata: { name, namespace: 'default' },
      spec: { ranges, prefix: 24, gateway: '10.0.8.1', dns: ['10.0.8.1'], ...spec },
    } as never);
  }

  async pool(name: string): Promise<IPPool> {
    return await this.kube.get(IP_POOLS, { namespace: 'default', name });
  }

  /** All leases there are, by address. */
  async leases(): Promise<IPLease[]> {
    const { items } = await this.kube.list(IP_LEASES);
    return items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  async addNamespace(name: string): Promise<void> {
    const ref = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
    await this.kube.create(ref, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  async annotate(name: string, annotations: Record<string, string>): Promise<void> {
    await this.kube.patch(VIRTUAL_APPLIANCES, { namespace: 'default', name }, { metadata: { annotations } });
  }

  async removeAppliance(name: string): Promise<void> {
    await this.kube.delete(VIRTUAL_APPLIANCES, { namespace: 'default', name });
  }

  async removeDeployment(name: string): Promise<void> {
    const propagationPolicy = 'Background';
    await this.kube.delete(SERVICE_DEPLOYMENTS, { namespace: 'default', name }, { propagationPolicy });
  }

  /** Its appliances must be gone. */
  async removeHost(name: string): Promise<void> {
    await this.kube.delete(HOSTS, { name });
    await eventually(`host ${name} is gone`, async () => {
      if ((await this.kube.find(HOSTS, { name })) !== undefined) throw new Error('it is still there');
    });
    await this.daemons.remove(name);
  }

  async deployment(name: string): Promise<ServiceDeployment> {
    return await this.kube.get(SERVICE_DEPLOYMENTS, { namespace: 'default', name });
  }

  async host(name: string): Promise<Host> {
    return await this.kube.get(HOSTS, { name });
  }

  async appliance(name: string): Promise<VirtualAppliance> {
    return await this.kube.get(VIRTUAL_APPLIANCES, { namespace: 'default', name });
  }

  async appliances(): Promise<VirtualAppliance[]> {
    return (await this.kube.list(VIRTUAL_APPLIANCES, { namespace: 'default' })).items;
  }

  /** Deletes every task, appliance, template and pool, and waits until all are gone. */
  async clear(): Promise<void> {
    const kinds = [SERVICE_DEPLOYMENTS, VIRTUAL_APPLIANCES, TEMPLATES, IP_POOLS] as const;
    await eventually('everything is gone', async () => {
      const left: KubeObject[] = [];
      for (const ref of kinds) left.push(...(await this.kube.list(ref as typeof TEMPLATES)).items);
      for (const object of left.filter(({ metadata }) => metadata.deletionTimestamp === undefined)) {
        const ref = kinds.find(({ kind }) => kind === object.kind);
        const { name, namespace } = object.metadata as ObjectName;
        if (ref !== undefined)
          await this.kube.delete(ref as typeof TEMPLATES, { name, namespace: namespace ?? '' });
      }
      if (left.length > 0)
        throw new Error(`left: ${left.map(({ kind, metadata }) => `${kind}/${metadata.name}`).join(', ')}`);
    });
  }
}

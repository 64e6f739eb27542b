import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { findCondition, isConditionTrue } from '../../../src/api/conditions.ts';
import {
  HOSTS,
  IP_POOLS,
  SERVICE_DEPLOYMENTS,
  TEMPLATES,
  VIRTUAL_APPLIANCES,
} from '../../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import { type ApplianceStatus, OPERATOR_ORGANIZATION, type StepName } from '../../../src/host/protocol.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { createKubeClient } from '../../../src/kube/client/create.ts';
import { createCa, issueCertificate } from '../../../src/main/certificates.ts';
import { type Operator, runOperator } from '../../../src/main/operator.ts';
import type { GuestImage } from '../../e2e/guest-vm.ts';
import { startTestApi, type TestApi } from '../../kubernetes/factory.ts';
import { deleteTask } from '../task.ts';
import { type Authority, isDone, XenHost } from './host.ts';

const NAMESPACE = 'default';
const TEMPLATE = 'minimal';
const POOL = 'lan';
/** What is waited for here lies in this process. */
const LOOK_MS = 20;
const POLL_MS = 200;
/** A VM is there after 15 s; on a busy machine it takes minutes. */
const LIMIT_MS = 1_200_000;

const log = pino({ level: process.env.COPPICE_LOG_LEVEL ?? 'silent' }, pino.destination(2));

/** An API server and an operator here, and hosts with a Xen of their own. */
export class XenWorld {
  readonly hosts: XenHost[] = [];
  readonly #client: KubeClient;
  readonly #image: GuestImage;
  readonly #authority: Authority;
  readonly #api: TestApi;
  readonly #operator: Operator;

  private constructor(image: GuestImage, authority: Authority, api: TestApi, operator: Operator) {
    this.#image = image;
    this.#authority = authority;
    this.#api = api;
    this.#operator = operator;
    this.#client = createKubeClient(api.kubeConfig, { log });
  }

  static async start(image: GuestImage): Promise<XenWorld> {
    const authority = await makeAuthority();
    const api = await startTestApi();
    try {
      const hostTls = { ca: authority.ca.cert, ...authority.operator };
      const { signal } = new AbortController();
      const operator = await runOperator({ kubeConfig: api.kubeConfig, hostTls, log, signal });
      return new XenWorld(image, authority, api, operator);
    } catch (error) {
      await api.stop();
      throw error;
    }
  }

  /** Boots one more host; resolves when the operator knows it as ready. */
  async addHost(name: string): Promise<XenHost> {
    const host = await XenHost.start(name, this.#authority);
    this.hosts.push(host);
    await this.#provide(host);
    await this.#apply(HOSTS, name, { address: host.url });
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const { status } = await this.#client.get(HOSTS, { name });
      if (isConditionTrue(status?.conditions, 'Ready')) return host;
      if (Date.now() > deadline) throw new Error(`${name} does not get ready; ${host.lastFailure}`);
      await delay(POLL_MS);
    }
  }

  /** Applies a task of so many VMs on each of the hosts. */
  async apply(task: string, hosts: readonly XenHost[], count: number): Promise<void> {
    const services = hosts.map(({ name }) => ({
      name,
      replicas: count,
      template: { name: TEMPLATE },
      placement: { hosts: [name] },
      resources: { cpu: '50m', memory: '128Mi' },
      network: { pool: POOL },
      package: { inline: { files: { 'index.html': 'benchmark\n' } } },
    }));
    await this.#apply(SERVICE_DEPLOYMENTS, task, { services });
  }

  /** The task's appliances, host by host, as soon as this step is done of so many on each. */
  async until(
    task: string,
    hosts: readonly XenHost[],
    count: number,
    step: StepName,
  ): Promise<readonly (readonly ApplianceStatus[])[]> {
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const found = hosts.map((host) => host.appliancesOf(task));
      if (found.every((here) => here.length === count && here.every((one) => isDone(one, step))))
        return found;
      if (Date.now() > deadline) throw new Error(`${step} of ${task} is not done: ${await this.#report()}`);
      await delay(LOOK_MS);
    }
  }

  /** Tc + Ts of Equation 1 (SO-MVDS 4.1) as the operator measured them when it placed the task: seconds, to the millisecond. */
  async placementSeconds(task: string): Promise<number> {
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const { status } = await this.#client.get(SERVICE_DEPLOYMENTS, { namespace: NAMESPACE, name: task });
      const seconds = status?.prediction?.placementSeconds;
      if (seconds !== undefined) return seconds;
      if (Date.now() > deadline) throw new Error(`the operator does not predict ${task}`);
      await delay(POLL_MS);
    }
  }

  /** Deletes the task and waits until its last VM is gone. */
  async remove(task: string): Promise<void> {
    await deleteTask(this.#client, task);
  }

  async stop(): Promise<void> {
    await this.#operator.close();
    await Promise.all(this.hosts.map((host) => host.close()));
    await this.#client.close();
    await this.#api.stop();
  }

  /** Template and pool; both are the same whichever host tells of them. */
  async #provide({ bed }: XenHost): Promise<void> {
    const { disk, kernel, initrd, kernelArguments: commandLine } = this.#image;
    const file = async (path: string) => ({ url: await bed.provide(path), sha256: await digestOf(path) });
    const image = await file(disk);
    const boot = { kernel: await file(kernel), initrd: await file(initrd), commandLine };
    const container = { type: 'static-site', port: 80 };
    await this.#apply(TEMPLATES, TEMPLATE, { source: { image }, guest: { boot }, container });
    const { first: start, last: end, prefix, gateway } = bed.network;
    await this.#apply(IP_POOLS, POOL, { ranges: [{ start, end }], prefix, gateway, dns: [gateway] });
  }

  async #apply<T extends KubeObject>(ref: ResourceRef<T>, name: string, spec: object): Promise<void> {
    const namespace = ref.namespaced ? { namespace: NAMESPACE } : {};
    const object = {
      apiVersion: `${ref.group}/${ref.version}`,
      kind: ref.kind,
      metadata: { name, ...namespace },
      spec,
    };
    await this.#client.apply<KubeObject>(ref, object, { fieldManager: 'bench' });
  }

  async #report(): Promise<string> {
    const { items } = await this.#client.list(VIRTUAL_APPLIANCES, { namespace: NAMESPACE });
    const words = items.map(({ metadata, status }) => {
      const ready = findCondition(status?.conditions, 'Ready');
      return `${metadata.name}: ${ready?.reason}: ${ready?.message}`;
    });
    return [...words, ...this.hosts.map(({ name, lastFailure }) => `${name}: ${lastFailure}`)].join('; ');
  }
}

async function makeAuthority(): Promise<Authority> {
  const common = { days: 1, now: Date.now() } as const;
  const ca = await createCa({ commonName: 'bench', ...common });
  const organizations = [OPERATOR_ORGANIZATION];
  const request = { commonName: 'operator', organizations, usage: 'client', ...common } as const;
  return { ca, operator: await issueCertificate(ca, request) };
}

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

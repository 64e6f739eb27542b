import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { findCondition } from '../../src/api/conditions.ts';
import {
  HOSTS,
  IP_LEASES,
  IP_POOLS,
  SERVICE_DEPLOYMENTS,
  TEMPLATES,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../src/api/kinds.ts';
import { LABEL_SERVICE_DEPLOYMENT } from '../../src/api/labels.ts';
import { HostClient } from '../../src/host/client.ts';
import { hostServerName, OPERATOR_ORGANIZATION } from '../../src/host/protocol.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { createKubeClient } from '../../src/kube/client/create.ts';
import { createCa, issueCertificate, type KeyPair } from '../../src/main/certificates.ts';
import { type Operator, runOperator } from '../../src/main/operator.ts';
import { buildGuestImage, type GuestImage } from '../e2e/guest-vm.ts';
import { manifest, type WrittenService } from '../e2e/tasks.ts';
import { startTestApi, type TestApi } from '../kubernetes/factory.ts';
import type { Bed, DaemonIdentity } from './bed.ts';

const repository = resolve(import.meta.dirname, '../..');
const HOST = 'host-x';
const NAMESPACE = 'default';

/** A VM is there after 15 s on an idle machine; on a busy one it takes minutes. */
const PATIENCE_MS = 600_000;
/** Each look may be a program run on an emulated host, which must not be kept busy by being looked at. */
const POLL_MS = 1000;
/** Of what the API server here knows, and of a daemon's port. */
const NEAR_POLL_MS = 200;
const FETCH_MS = 10_000;

const log = pino({ level: process.env.TEST_LOG ?? 'silent' });

/** An API server and an operator here, and on the bed a host's daemon, which they reach over mutual TLS. */
export class World {
  readonly bed: Bed;
  readonly kube: KubeClient;
  readonly image: GuestImage;
  /** The daemon, asked as the operator asks it. */
  readonly host: HostClient;
  readonly #api: TestApi;
  readonly #operator: Operator;
  readonly #identity: DaemonIdentity;

  private constructor(
    parts: Pick<World, 'bed' | 'kube' | 'image' | 'host'> & {
      readonly api: TestApi;
      readonly operator: Operator;
      readonly identity: DaemonIdentity;
    },
  ) {
    this.bed = parts.bed;
    this.kube = parts.kube;
    this.image = parts.image;
    this.host = parts.host;
    this.#api = parts.api;
    this.#operator = parts.operator;
    this.#identity = parts.identity;
  }

  /** With templates `site` and `commands` of one image, and a pool `lan` of all the bed's addresses. */
  static async start(bed: Bed): Promise<World> {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    const { identity, operatorTls } = await certificates();
    const url = await bed.startDaemon(identity);
    const api = await startTestApi();
    const operator = await runOperator({
      kubeConfig: api.kubeConfig,
      hostTls: operatorTls,
      log,
      signal: new AbortController().signal,
    });
    const kube = createKubeClient(api.kubeConfig, { log });
    const host = new HostClient({ hostName: HOST, url, ...operatorTls });
    const world = new World({ bed, kube, image, host, api, operator, identity });
    await world.#untilReady();
    await world.create(manifest('Host', HOST, { address: url }));
    await world.addTemplate('site', { type: 'static-site', port: 80 });
    await world.addTemplate('commands', { type: 'command', port: 8080 });
    await world.addPool('lan', bed.network.first, bed.network.last);
    return world;
  }

  /** Ends what runs here; the bed is another's. */
  async close(): Promise<void> {
    await this.#operator.close();
    await this.host.close();
    await this.kube.close();
    await this.#api.stop();
  }

  /** The daemon is back after its end. */
  async restartDaemon(): Promise<void> {
    await this.bed.startDaemon(this.#identity);
    await this.#untilReady();
  }

  async create(object: ReturnType<typeof manifest>): Promise<void> {
    const refs = [HOSTS, IP_POOLS, SERVICE_DEPLOYMENTS, TEMPLATES, VIRTUAL_APPLIANCES] as const;
    const ref = refs.find(({ kind }) => kind === object.kind);
    if (ref === undefined) throw new Error(`nobody makes objects of kind ${object.kind} here yet`);
    await this.kube.apply(ref as typeof TEMPLATES, object as never, { fieldManager: 'user' });
  }

  /** Declares a task of these services, or changes it. */
  async apply(name: string, ...services: readonly WrittenService[]): Promise<void> {
    await this.create(manifest('ServiceDeployment', name, { services }));
  }

  /** A template of the minimal guest with another container, another kernel, or more told to it. */
  async addTemplate(
    name: string,
    container: object,
    { kernel = this.image.kernel, words = '' }: { readonly kernel?: string; readonly words?: string } = {},
  ): Promise<void> {
    const { disk, initrd, kernelArguments } = this.image;
    await this.create(
      manifest('Template', name, {
        source: { image: await this.#provided(disk) },
        guest: {
          boot: {
            kernel: await this.#provided(kernel),
            initrd: await this.#provided(initrd),
            commandLine: `${kernelArguments} ${words}`.trimEnd(),
          },
        },
        container,
      }),
    );
  }

  async addPool(name: string, start: string, end: string): Promise<void> {
    const { prefix, gateway } = this.bed.network;
    await this.create(
      manifest('IPPool', name, { ranges: [{ start, end }], prefix, gateway, dns: [gateway] }),
    );
  }

  /** All addresses that are given. */
  async leases(): Promise<readonly string[]> {
    const { items } = await this.kube.list(IP_LEASES);
    return items.map(({ spec }) => spec.address);
  }

  /** The appliances of a task, by name. */
  async appliances(task: string): Promise<readonly VirtualAppliance[]> {
    const labelSelector = `${LABEL_SERVICE_DEPLOYMENT}=${task}`;
    const { items } = await this.kube.list(VIRTUAL_APPLIANCES, { namespace: NAMESPACE, labelSelector });
    return [...items].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  async appliance(name: string): Promise<VirtualAppliance> {
    return await this.kube.get(VIRTUAL_APPLIANCES, { namespace: NAMESPACE, name });
  }

  /** Waits until the task is Ready with that many appliances, all available; resolves with them. */
  async untilAvailable(task: string, count: number): Promise<readonly VirtualAppliance[]> {
    return await this.eventually(
      `${count} appliance(s) of ${task} are available`,
      async () => {
        const found = await this.kube.get(SERVICE_DEPLOYMENTS, { namespace: NAMESPACE, name: task });
        const ready = findCondition(found.status?.conditions, 'Ready');
        const appliances = await this.appliances(task);
        const states = appliances.map(({ status }) => status?.serviceState);
        if (
          ready?.status !== 'True' ||
          ready.observedGeneration !== found.metadata.generation ||
          states.length !== count ||
          states.some((state) => state !== 'ServiceAvailable')
        ) {
          throw new Error(`${ready?.reason}: ${ready?.message}; ${states.join(', ')}`);
        }
        return appliances;
      },
      NEAR_POLL_MS,
    );
  }

  /** Waits until the appliance's Ready is False for this reason; resolves with its message. */
  async untilSays(name: string, reason: string): Promise<string> {
    return await this.eventually(
      `${name} says ${reason}`,
      async () => {
        const ready = findCondition((await this.appliance(name)).status?.conditions, 'Ready');
        if (ready?.status !== 'False' || ready.reason !== reason) {
          throw new Error(`it says ${ready?.reason}: ${ready?.message}`);
        }
        return ready.message;
      },
      NEAR_POLL_MS,
    );
  }

  /** Deletes the tasks and waits until nothing of them is left. */
  async remove(...tasks: readonly string[]): Promise<void> {
    for (const name of tasks) await this.kube.delete(SERVICE_DEPLOYMENTS, { namespace: NAMESPACE, name });
    await this.eventually(
      `${tasks.join(', ')} are gone`,
      async () => {
        const left = (await Promise.all(tasks.map((name) => this.appliances(name)))).flat();
        if (left.length > 0) throw new Error(left.map(({ metadata }) => metadata.name).join(', '));
      },
      NEAR_POLL_MS,
    );
  }

  /** As `remove`, all that there are; by a daemon that may have been left killed. */
  async removeAll(): Promise<void> {
    await this.bed.killDaemon();
    await this.restartDaemon();
    const { items } = await this.kube.list(SERVICE_DEPLOYMENTS, { namespace: NAMESPACE });
    await this.remove(...items.map(({ metadata }) => metadata.name));
  }

  /** What is served at a URL of a VM, fetched from here. */
  async fetch(url: string, path = ''): Promise<string> {
    const { hostname, port, pathname } = new URL(url);
    const base = await this.bed.outside(hostname, port === '' ? 80 : Number(port));
    const answer = await fetch(`${base}${pathname}${path}`, { signal: AbortSignal.timeout(FETCH_MS) });
    if (!answer.ok) throw new Error(`${url}${path} answered with ${answer.status}`);
    return await answer.text();
  }

  /** Looks until `look` no longer throws and resolves with what it found; in the end rejects with how all stands. */
  async eventually<T>(what: string, look: () => Promise<T>, pollMs = POLL_MS): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await look();
      } catch (error) {
        if (Date.now() > deadline) throw new Error(await this.#report(what, error), { cause: error });
      }
      await delay(pollMs);
    }
  }

  async #untilReady(): Promise<void> {
    await this.eventually(
      'the daemon is ready',
      async () => {
        if (!(await this.host.isReady())) throw new Error('it is not');
      },
      NEAR_POLL_MS,
    );
  }

  async #report(what: string, error: unknown): Promise<string> {
    const { items } = await this.kube.list(VIRTUAL_APPLIANCES, { namespace: NAMESPACE });
    const standings = items.map(({ metadata, status }) => {
      const ready = findCondition(status?.conditions, 'Ready');
      return `${metadata.name}: ${status?.serviceState} ${ready?.reason}: ${ready?.message}`;
    });
    const tail = (await this.bed.daemonLog()).trimEnd().split('\n').slice(-12);
    const why = error instanceof Error ? error.message : String(error);
    return [`never came true: ${what}`, why, ...standings, '--- the end of the daemon’s log:', ...tail].join(
      '\n',
    );
  }

  async #provided(file: string): Promise<{ readonly url: string; readonly sha256: string }> {
    const sha256 = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return { url: await this.bed.provide(file), sha256 };
  }
}

/** An authority of the test's own, with the daemon's certificate and the operator's. */
async function certificates() {
  const now = Date.now();
  const ca = await createCa({ commonName: 'test', days: 1, now });
  const issue = (request: object): Promise<KeyPair> =>
    issueCertificate(ca, { commonName: HOST, usage: 'both', days: 1, now, ...request });
  const daemon = await issue({ dnsNames: [hostServerName(HOST)] });
  const operator = await issue({
    commonName: 'operator',
    organizations: [OPERATOR_ORGANIZATION],
    usage: 'client',
  });
  return {
    identity: { name: HOST, ...daemon, clientCa: ca.cert },
    operatorTls: { ca: ca.cert, ...operator },
  };
}

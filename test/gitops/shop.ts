import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dump, load } from 'js-yaml';
import { expect } from 'vitest';
import {
  IP_LEASES,
  IP_POOLS,
  type IPPool,
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  TEMPLATES,
  type Template,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../src/base/object.ts';
import { aBootableDisk } from '../builders/disk-images.ts';
import { eventually } from '../integration/operator/eventually.ts';
import { World } from '../integration/operator/world.ts';
import type { TestApi } from '../kubernetes/factory.ts';
import { type Flux, findFlux, startFlux } from '../kubernetes/flux.ts';
import { Departures } from './departures.ts';
import { EXAMPLE, Following } from './following.ts';
import { type Files, type GitServer, startGitServer } from './git-server.ts';

const NAMESPACE = 'shop';

type Service = Partial<ServiceDeployment['spec']['services'][number]>;

/** A file that the host's daemon may read, in place of the example's address. */
type Image = { readonly url: string; readonly sha256: string };

/** The shop of the example: its repository, Flux, and the Coppice that carries it out. */
export class Shop {
  readonly world: World;
  readonly git: GitServer;
  readonly flux: Following;
  readonly #controllers: Flux;
  readonly #image: Image;

  private constructor(world: World, git: GitServer, controllers: Flux, image: Image) {
    this.world = world;
    this.git = git;
    this.flux = new Following(world.kube);
    this.#controllers = controllers;
    this.#image = image;
  }

  /** Flux runs and follows nothing yet; there is neither host nor operator. */
  static async open(kind: TestApi['kind']): Promise<Shop> {
    const programs = await findFlux(process.env);
    if (programs === undefined) throw new Error('there is no Flux');
    const world = await World.start({}, { ...process.env, COPPICE_TEST_API: kind });
    try {
      const content = aBootableDisk('an image');
      const path = join(world.directory, 'web-server.qcow2');
      await writeFile(path, content);
      const sha256 = createHash('sha256').update(content).digest('hex');
      const git = await startGitServer(world.directory);
      const controllers = await startFlux(programs, world.kube, world.api.kubeconfigPath, world.directory);
      return new Shop(world, git, controllers, { url: pathToFileURL(path).href, sha256 });
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.flux.close();
    await this.#controllers.stop();
    await this.git.close();
    await this.world.stop();
  }

  /** The example's manifests, with an image that is there. */
  async manifests(): Promise<Files> {
    const names = await readdir(join(EXAMPLE, 'shop'));
    const files = await Promise.all(
      names.map(
        async (name) => [`shop/${name}`, await readFile(join(EXAMPLE, 'shop', name), 'utf8')] as const,
      ),
    );
    return { ...Object.fromEntries(files), ...(await this.template({})) };
  }

  /** The example's template, changed. */
  async template(spec: object): Promise<Files> {
    const template = await this.#example<Template>('template');
    const source = { image: this.#image };
    return { 'shop/template.yaml': dump({ ...template, spec: { ...template.spec, source, ...spec } }) };
  }

  /** The example's task with its one service changed, and what else of its spec. */
  async task(service: Service, spec: object = {}): Promise<Files> {
    const task = await this.#example<ServiceDeployment>('servicedeployment');
    const services = task.spec.services.map((one) => ({ ...one, ...service }));
    return { 'shop/servicedeployment.yaml': dump({ ...task, spec: { ...task.spec, ...spec, services } }) };
  }

  deployment(): Promise<ServiceDeployment> {
    return this.world.kube.get(SERVICE_DEPLOYMENTS, { namespace: NAMESPACE, name: 'shop' });
  }

  templateObject(): Promise<Template> {
    return this.world.kube.get(TEMPLATES, { namespace: NAMESPACE, name: 'web-server' });
  }

  pool(): Promise<IPPool> {
    return this.world.kube.get(IP_POOLS, { namespace: NAMESPACE, name: 'lan' });
  }

  async appliances(): Promise<VirtualAppliance[]> {
    return (await this.world.kube.list(VIRTUAL_APPLIANCES, { namespace: NAMESPACE })).items;
  }

  /** The addresses that appliances have, in order; fails where one has none of the example's pool, or leases tell otherwise. */
  async addresses(): Promise<string[]> {
    const networks = (await this.appliances()).map(({ status }) => status?.network);
    expect(networks.map((network) => network?.pool)).toEqual(networks.map(() => 'lan'));
    const addresses = networks.map((network) => network?.address ?? '').sort();
    const leases = await this.world.leases();
    expect(leases.map(({ spec }) => [spec.pool.name, spec.address])).toEqual(
      addresses.map((address) => ['lan', address]),
    );
    return addresses;
  }

  /** Follows the going of what the shop is made of. */
  departures(): Promise<Departures> {
    return Departures.watch(this.world.kube, [VIRTUAL_APPLIANCES, IP_LEASES, IP_POOLS]);
  }

  /** As `kubectl patch --type=merge` does it. */
  async meddle(patch: Readonly<Record<string, unknown>>): Promise<void> {
    const options = { fieldManager: 'kubectl-patch' };
    await this.world.kube.patch(SERVICE_DEPLOYMENTS, { namespace: NAMESPACE, name: 'shop' }, patch, options);
  }

  /** As `kubectl scale` and autoscalers do it, by the scale subresource. */
  async scale(replicas: number): Promise<void> {
    const options = { fieldManager: 'kubectl', subresource: 'scale' };
    const name = { namespace: NAMESPACE, name: 'shop' };
    await this.world.kube.patch(SERVICE_DEPLOYMENTS, name, { spec: { replicas } }, options);
  }

  /** What Flux keeps: kind and name to version. */
  async versions(): Promise<Readonly<Record<string, string | undefined>>> {
    const refs: ResourceRef<KubeObject>[] = [TEMPLATES, SERVICE_DEPLOYMENTS, IP_POOLS, VIRTUAL_APPLIANCES];
    const lists = await Promise.all(refs.map((ref) => this.world.kube.list(ref, { namespace: NAMESPACE })));
    const objects = lists.flatMap(({ items }) => items);
    return Object.fromEntries(
      objects.map(({ kind, metadata }) => [`${kind}/${metadata.name}`, metadata.resourceVersion]),
    );
  }

  async untilGone(kinds: readonly string[]): Promise<void> {
    await eventually(`no ${kinds.join(', ')} is left`, async () => {
      const left = Object.keys(await this.versions()).filter((key) =>
        kinds.includes(key.split('/')[0] ?? ''),
      );
      expect(left).toEqual([]);
    });
  }

  async #example<T>(name: string): Promise<T> {
    return load(await readFile(join(EXAMPLE, 'shop', `${name}.yaml`), 'utf8')) as T;
  }
}

import { CONFIG_MAPS, type ConfigMap, type ServiceDeployment } from '../../src/api/kinds.ts';
import { LABEL_SERVICE_DEPLOYMENT } from '../../src/api/labels.ts';
import { controllerOf, controllerReference, type KubeObject, keyOf } from '../../src/base/object.ts';
import { isAlreadyExists, isConflict, isNotFound, isRefused } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import type { Informer } from '../../src/kube/informer/informer.ts';
import { BY_OWNER, ownerKey } from '../indexes.ts';
import { uidOf } from '../objects/appliance.ts';
import { digestOf, packageIn, versionOf } from '../objects/config-map.ts';
import { type Obstacle, obstacleOf } from '../obstacles/obstacle.ts';
import { packageObstacles } from '../obstacles/packages.ts';
import type { Service } from './services.ts';

/** The ConfigMap with the content that a service's appliances shall have; or why there is none. */
export type Revision = { readonly name: string } | { readonly name: undefined; readonly obstacle: Obstacle };

/** The revisions of a task, by the name of the ConfigMap that its services name. */
export type TaskRevisions = ReadonlyMap<string, Revision>;

interface RevisionsOptions {
  readonly client: Pick<KubeClient, 'find' | 'create' | 'delete'>;
  readonly configMaps: Pick<Informer<KubeObject>, 'get' | 'byIndex'>;
}

/**
 * Keeps the contents of the ConfigMaps that a task's services name, each as an immutable ConfigMap that the task owns. The name
 * follows from the task and the content: a content is kept once, and can be given to an appliance again while others have the next.
 */
export class Revisions {
  readonly #options: RevisionsOptions;
  /** By key of the ConfigMap, the version that was read, and what came of it. Without it, the ConfigMap is read again. */
  readonly #read = new Map<string, { readonly version: string; readonly digest: string | Obstacle }>();

  constructor(options: RevisionsOptions) {
    this.#options = options;
  }

  /** Creates what is missing. Rejects when the API server does not answer. */
  async of(task: ServiceDeployment, signal: AbortSignal): Promise<TaskRevisions> {
    const names = new Set(task.spec.services.flatMap((service) => service.package?.configMap?.name ?? []));
    const revisions = new Map<string, Revision>();
    for (const name of names) revisions.set(name, await this.#revisionOf(task, name, signal));
    return revisions;
  }

  /** Deletes the task's copies except those in use. */
  async deleteOthers(
    task: ServiceDeployment,
    inUse: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, configMaps } = this.#options;
    const owned = configMaps.byIndex(BY_OWNER, ownerKey(task.metadata.namespace, uidOf(task)));
    for (const { metadata } of owned) {
      const { name, namespace, uid, deletionTimestamp } = metadata;
      if (inUse.has(name) || deletionTimestamp !== undefined) continue;
      try {
        await client.delete(CONFIG_MAPS, { name, namespace }, { preconditions: { uid }, signal });
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
    }
  }

  async #revisionOf(task: ServiceDeployment, name: string, signal: AbortSignal): Promise<Revision> {
    const { client, configMaps } = this.#options;
    const key = keyOf({ namespace: task.metadata.namespace, name });
    const known = configMaps.get(key);
    if (known === undefined) this.#read.delete(key);
    if (known === undefined) return none(packageObstacles.configMapNotFound(key));
    const read = this.#read.get(key);
    if (read?.version === versionOf(known)) {
      if (typeof read.digest !== 'string') return none(read.digest);
      const copy = copyName(task, read.digest);
      const found = configMaps.get(keyOf({ namespace: task.metadata.namespace, name: copy }));
      if (found !== undefined && isCopyOf(task, found)) return { name: copy };
    }
    try {
      const source = await client.find(CONFIG_MAPS, { namespace: task.metadata.namespace, name }, { signal });
      return source === undefined
        ? none(packageObstacles.configMapNotFound(key))
        : await this.#keep(task, source, signal);
    } catch (error) {
      if (!isRefused(error)) throw error;
      return none({ ...packageObstacles.configMapRefused(error.message), isStalled: false });
    }
  }

  async #keep(task: ServiceDeployment, source: ConfigMap, signal: AbortSignal): Promise<Revision> {
    const digest = contentOf(source);
    this.#read.set(keyOf(source), { version: versionOf(source), digest });
    return typeof digest === 'string'
      ? await this.#keepCopy(task, source, copyName(task, digest), signal)
      : none(digest);
  }

  async #keepCopy(
    task: ServiceDeployment,
    source: ConfigMap,
    name: string,
    signal: AbortSignal,
  ): Promise<Revision> {
    const { client } = this.#options;
    try {
      await client.create(CONFIG_MAPS, copyOf(task, source, name), { signal });
      return { name };
    } catch (error) {
      if (isRefused(error)) return none(packageObstacles.revisionRefused(error.message));
      if (!isAlreadyExists(error)) throw error;
    }
    const { namespace } = task.metadata;
    const found = await client.find(CONFIG_MAPS, { name, namespace }, { signal });
    if (found === undefined || found.metadata.deletionTimestamp !== undefined)
      throw new TransientError(`ConfigMap ${name} is being deleted, and is created again`);
    const isOurs = isCopyOf(task, found) && found.immutable === true && digestOf(found) === digestOf(source);
    return isOurs ? { name } : none(packageObstacles.revisionTaken(keyOf({ name, namespace })));
  }
}

/** The revision that a service's appliances shall have; undefined when its package is no ConfigMap. */
export function revisionOf(revisions: TaskRevisions, service: Service): Revision | undefined {
  const name = service.package?.configMap?.name;
  return name === undefined ? undefined : revisions.get(name);
}

function contentOf(source: ConfigMap): string | Obstacle {
  try {
    packageIn(source);
    return digestOf(source);
  } catch (error) {
    const obstacle = obstacleOf(error);
    if (obstacle === undefined) throw error;
    return obstacle;
  }
}

function none(obstacle: Obstacle): Revision {
  return { name: undefined, obstacle };
}

function copyName({ metadata }: ServiceDeployment, digest: string): string {
  return `${metadata.name}-${digest}`;
}

function isCopyOf(task: ServiceDeployment, configMap: KubeObject): boolean {
  return controllerOf(configMap)?.uid === uidOf(task);
}

function copyOf(task: ServiceDeployment, { data, binaryData }: ConfigMap, name: string): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name,
      namespace: task.metadata.namespace,
      labels: { [LABEL_SERVICE_DEPLOYMENT]: task.metadata.name },
      ownerReferences: [controllerReference(task)],
    },
    immutable: true,
    ...(data === undefined ? {} : { data }),
    ...(binaryData === undefined ? {} : { binaryData }),
  };
}

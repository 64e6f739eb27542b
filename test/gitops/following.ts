import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { loadAll } from 'js-yaml';
import { type Condition, findCondition } from '../../src/api/conditions.ts';
import type { KubeObject, ResourceRef } from '../../src/base/object.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { eventually } from '../integration/operator/eventually.ts';

export interface Kustomization extends KubeObject {
  status?: {
    conditions?: Condition[];
    lastAppliedRevision?: string;
    lastAttemptedRevision?: string;
    lastHandledReconcileAt?: string;
  };
}

const KUSTOMIZATIONS: ResourceRef<Kustomization> = {
  group: 'kustomize.toolkit.fluxcd.io',
  version: 'v1',
  plural: 'kustomizations',
  kind: 'Kustomization',
  namespaced: true,
};
const GIT_REPOSITORIES: ResourceRef = {
  group: 'source.toolkit.fluxcd.io',
  version: 'v1',
  plural: 'gitrepositories',
  kind: 'GitRepository',
  namespaced: true,
};
const NAMESPACES: ResourceRef = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
const SELF = { namespace: 'flux-system', name: 'shop' };
/** What the example's own pace becomes, so that a test need not wait for it. */
const PACE = {
  GitRepository: { interval: '1s' },
  // It waits for 30 seconds at least.
  Kustomization: { interval: '2s', retryInterval: '1s', timeout: '30s' },
};
/** Flux on a busy machine, with Git, VMs and health checks, of which one that fails takes 30 seconds. */
export const PATIENCE_MS = 120_000;

export const EXAMPLE = join(resolve(import.meta.dirname, '../..'), 'examples/gitops');

/** Has Flux follow a repository, by the objects of the example. */
export class Following {
  readonly #client: KubeClient;
  readonly #stop = new AbortController();
  readonly #seen: Kustomization[] = [];
  #watching: Promise<unknown> = Promise.resolve();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  async start(url: string): Promise<void> {
    const client = this.#client;
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SELF.namespace } };
    await client.apply(NAMESPACES, namespace, { fieldManager: 'test' });
    const { resourceVersion } = await client.list(KUSTOMIZATIONS, {});
    this.#watching = this.#watch(resourceVersion);
    const file = await readFile(join(EXAMPLE, 'flux/shop.yaml'), 'utf8');
    for (const object of loadAll(file) as (KubeObject & { spec: object })[]) {
      const isSource = object.kind === 'GitRepository';
      const change = isSource ? { ...PACE.GitRepository, url } : PACE.Kustomization;
      const wanted = { ...object, spec: { ...object.spec, ...change } };
      await client.apply(isSource ? GIT_REPOSITORIES : KUSTOMIZATIONS, wanted, { fieldManager: 'test' });
    }
  }

  /** Resolves with the Kustomization once it is Ready at this revision. */
  async ready(revision: string): Promise<Kustomization> {
    return await this.until(`Ready at ${revision}`, (found) => {
      const ready = readyOf(found);
      return ready?.status === 'True' && found.status?.lastAppliedRevision === revision;
    });
  }

  /** Resolves with the message of Ready once Flux has said that this revision is not healthy: it tries again at once. */
  async failed(revision: string): Promise<string> {
    const find = () =>
      this.#seen.find(
        (one) =>
          readyOf(one)?.reason === 'HealthCheckFailed' && one.status?.lastAttemptedRevision === revision,
      );
    await this.until(`failed at ${revision}`, () => find() !== undefined);
    return readyOf(find() as Kustomization)?.message ?? '';
  }

  /** Resolves with the Kustomization when it is as the check wants it. */
  async until(what: string, check: (found: Kustomization) => boolean): Promise<Kustomization> {
    return await eventually(
      what,
      async () => {
        const found = await this.#client.get(KUSTOMIZATIONS, SELF);
        if (!check(found)) throw new Error(`it says ${JSON.stringify(found.status)}`);
        return found;
      },
      PATIENCE_MS,
    );
  }

  /** Has Flux go over everything once more, and waits until it has. */
  async again(stamp: string): Promise<void> {
    const annotations = { 'reconcile.fluxcd.io/requestedAt': stamp };
    await this.#client.patch(KUSTOMIZATIONS, SELF, { metadata: { annotations } });
    await this.until(
      `reconciled for ${stamp}`,
      (found) =>
        found.status?.lastHandledReconcileAt === stamp &&
        readyOf(found)?.status === 'True' &&
        findCondition(found.status?.conditions, 'Reconciling') === undefined,
    );
  }

  /** Every state of the Kustomization since the start, in order. */
  get states(): readonly Kustomization[] {
    return this.#seen;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(resourceVersion: string): Promise<void> {
    const options = { resourceVersion, timeoutSeconds: 3600, idleMs: 3_600_000, signal: this.#stop.signal };
    try {
      for await (const { type, object } of this.#client.watch(KUSTOMIZATIONS, options)) {
        if (type !== 'BOOKMARK') this.#seen.push(object);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }
}

export function readyOf({ status }: Kustomization): Condition | undefined {
  return findCondition(status?.conditions, 'Ready');
}

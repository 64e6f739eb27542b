import type { ResourceRef } from '../../src/base/object.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';

/** Notes what goes, and in which order: one store counts the versions of all resources, so they tell who went before whom. */
export class Departures {
  readonly #stop = new AbortController();
  readonly #versions = new Map<string, bigint>();
  readonly #watching: Promise<void>[] = [];

  static async watch(client: KubeClient, refs: readonly ResourceRef[]): Promise<Departures> {
    const departures = new Departures();
    for (const ref of refs) {
      const { resourceVersion } = await client.list(ref);
      departures.#watching.push(departures.#follow(client, ref, resourceVersion));
    }
    return departures;
  }

  /** The versions at which the objects of a kind went, in order. */
  of(kind: string): readonly bigint[] {
    const versions = [...this.#versions].filter(([key]) => key.startsWith(`${kind}/`));
    return versions.map(([, version]) => version).sort((a, b) => Number(a - b));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#watching);
  }

  async #follow(client: KubeClient, ref: ResourceRef, resourceVersion: string): Promise<void> {
    const options = { resourceVersion, timeoutSeconds: 3600, idleMs: 3_600_000, signal: this.#stop.signal };
    try {
      for await (const { type, object } of client.watch(ref, options)) {
        const { name, resourceVersion: version = '' } = object.metadata;
        if (type === 'DELETED') this.#versions.set(`${ref.kind}/${name}`, BigInt(version));
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }
}

import { NAMESPACE_FINALIZER, NAMESPACES } from '../core-kinds/cluster.ts';
import { type Backend, timestamp } from '../handlers/context.ts';
import { deleteObject } from '../handlers/delete.ts';
import type { Change, StoredObject } from '../storage/store.ts';
import type { KubeObject } from '../types.ts';

interface Condition {
  type: string;
  status: 'True' | 'False';
  reason: string;
  message: string;
  lastTransitionTime: string;
}

/** Empties namespaces that are being deleted, and removes them when nothing is left in them. */
export class NamespaceController {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** The namespaces, given changes, that want looking at. */
  concerned(changes: readonly Change[]): string[] {
    const names = new Set<string>();
    for (const { bucket, current, type } of changes) {
      if (bucket === NAMESPACES) names.add(current.key);
      else if (type === 'DELETED' && current.object.metadata.namespace)
        names.add(current.object.metadata.namespace);
    }
    return [...names].filter((name) => this.#terminating(name) !== undefined);
  }

  reconcile(name: string): void {
    const namespace = this.#terminating(name);
    if (namespace === undefined) return;
    const left = this.#empty(name);
    if (left.length > 0) this.#report(name, namespace, left);
    else this.#finish(name, namespace);
  }

  #terminating(name: string): KubeObject | undefined {
    const object = this.#backend.store.get(NAMESPACES, name)?.object;
    return object?.metadata.deletionTimestamp === undefined ? undefined : object;
  }

  /** Deletes what is in the namespace; returns what finalizers keep there. */
  #empty(name: string): { resource: string; stored: StoredObject }[] {
    const { registry, store } = this.#backend;
    return registry
      .buckets()
      .filter((resource) => resource.namespaced)
      .flatMap((resource) => {
        for (const { object } of store.list(resource.bucket, `${name}/`)) {
          if (object.metadata.deletionTimestamp !== undefined) continue;
          deleteObject(this.#backend, resource, name, object.metadata.name ?? '', {
            propagation: 'Background',
          });
        }
        const kept = store.list(resource.bucket, `${name}/`);
        return kept.map((stored) => ({ resource: `${resource.plural}.${resource.group}`, stored }));
      });
  }

  #finish(name: string, namespace: KubeObject): void {
    const { finalizers = [] } = (namespace.spec ?? {}) as { finalizers?: string[] };
    const others = finalizers.filter((finalizer) => finalizer !== NAMESPACE_FINALIZER);
    if (others.length === 0 && (namespace.metadata.finalizers ?? []).length === 0) {
      this.#backend.store.remove(NAMESPACES, name);
    } else if (others.length !== finalizers.length) {
      this.#put(name, { ...namespace, spec: { finalizers: others } });
    }
  }

  /** Says on the namespace what it waits for, in the words of kube's namespace controller. */
  #report(name: string, namespace: KubeObject, left: { resource: string; stored: StoredObject }[]): void {
    const resources = Map.groupBy(left, ({ resource }) => resource);
    const counts = [...resources].map(
      ([resource, objects]) => `${resource} has ${objects.length} resource instances`,
    );
    const finalizers = Map.groupBy(
      left.flatMap(({ stored }) => stored.object.metadata.finalizers ?? []),
      (finalizer) => finalizer,
    );
    const holders = [...finalizers].map(
      ([finalizer, uses]) => `${finalizer} in ${uses.length} resource instances`,
    );
    const conditions = [
      this.#condition(
        namespace,
        'NamespaceContentRemaining',
        'SomeResourcesRemain',
        `Some resources are remaining: ${counts.join(', ')}`,
      ),
      this.#condition(
        namespace,
        'NamespaceFinalizersRemaining',
        'SomeFinalizersRemain',
        `Some content in the namespace has finalizers remaining: ${holders.join(', ')}`,
      ),
    ];
    const status = { ...(namespace.status as object), conditions };
    if (JSON.stringify(status) !== JSON.stringify(namespace.status))
      this.#put(name, { ...namespace, status });
  }

  #condition(namespace: KubeObject, type: string, reason: string, message: string): Condition {
    const { conditions = [] } = (namespace.status ?? {}) as { conditions?: Condition[] };
    const before = conditions.find((condition) => condition.type === type && condition.message === message);
    return (
      before ?? { type, status: 'True', reason, message, lastTransitionTime: timestamp(this.#backend.now()) }
    );
  }

  #put(name: string, namespace: KubeObject): void {
    this.#backend.store.put(NAMESPACES, name, { ...namespace, metadata: { ...namespace.metadata } });
  }
}

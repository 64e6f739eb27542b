import { CONTROLLER_MANAGER } from '../apply/managers.ts';
import { NAMESPACE_FINALIZER, NAMESPACES } from '../core-kinds/cluster.ts';
import { type Backend, timestamp } from '../handlers/context.ts';
import { deleteObject } from '../handlers/delete.ts';
import { track } from '../handlers/strategy.ts';
import type { Change, StoredObject } from '../storage/store.ts';
import type { KubeObject } from '../types.ts';

/** One condition of a namespace, as the controller found it. */
interface Finding {
  type: string;
  status: 'True' | 'False';
  reason: string;
  message: string;
}

interface Condition extends Finding {
  lastTransitionTime: string;
}

/** Empties namespaces that are being deleted, and removes them when nothing is left in them. */
export class NamespaceController {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Names of the namespaces that these changes affect. */
  affectedBy(changes: readonly Change[]): string[] {
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

  /** Deletes the namespace's content; returns the objects that finalizers keep. */
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
    // kube, too, leaves one that is final to those who write it or delete it again.
    if (finalizers.length === 0) return;
    if (others.length === 0 && (namespace.metadata.finalizers ?? []).length === 0) {
      this.#backend.store.remove(NAMESPACES, name);
    } else if (others.length !== finalizers.length) {
      this.#put(name, { ...namespace, spec: { finalizers: others } });
    }
  }

  /** Reports in the namespace's status what its deletion waits for, in the words of kube's namespace controller. */
  #report(name: string, namespace: KubeObject, left: { resource: string; stored: StoredObject }[]): void {
    const conditions = conditionsOf(left).map((condition) => this.#settled(namespace, condition));
    const status = { ...(namespace.status as object), conditions };
    if (JSON.stringify(status) === JSON.stringify(namespace.status)) return;
    const how = {
      manager: CONTROLLER_MANAGER,
      subresource: 'status',
      now: timestamp(this.#backend.now()),
    } as const;
    const resource = this.#backend.registry.ofBucket(NAMESPACES);
    const updated = { ...namespace, status };
    this.#put(name, resource === undefined ? updated : track(resource, updated, namespace, how));
  }

  /** A condition with the time of its last transition. */
  #settled(namespace: KubeObject, { type, status, reason, message }: Finding): Condition {
    const { conditions = [] } = (namespace.status ?? {}) as { conditions?: Condition[] };
    const before = conditions.find((condition) => condition.type === type && condition.status === status);
    const lastTransitionTime = before?.lastTransitionTime ?? timestamp(this.#backend.now());
    return { lastTransitionTime, message, reason, status, type };
  }

  #put(name: string, namespace: KubeObject): void {
    this.#backend.store.put(NAMESPACES, name, { ...namespace, metadata: { ...namespace.metadata } });
  }
}

/** Counts the objects left per resource: `configmaps. has 2 resource instances`. */
function counted(names: readonly string[], between: string): string {
  const groups = Map.groupBy(names, (name) => name);
  return [...groups].map(([name, all]) => `${name} ${between} ${all.length} resource instances`).join(', ');
}

function conditionsOf(left: readonly { resource: string; stored: StoredObject }[]): Finding[] {
  const resources = counted(
    left.map(({ resource }) => resource),
    'has',
  );
  const finalizers = counted(
    left.flatMap(({ stored }) => stored.object.metadata.finalizers ?? []),
    'in',
  );
  return [
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      status: 'False',
      reason: 'ResourcesDiscovered',
      message: 'All resources successfully discovered',
    },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      status: 'False',
      reason: 'ParsedGroupVersions',
      message: 'All legacy kube types successfully parsed',
    },
    {
      type: 'NamespaceDeletionContentFailure',
      status: 'False',
      reason: 'ContentDeleted',
      message: 'All content successfully deleted, may be waiting on finalization',
    },
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${resources}`,
    },
    {
      type: 'NamespaceFinalizersRemaining',
      status: 'True',
      reason: 'SomeFinalizersRemain',
      message: `Some content in the namespace has finalizers remaining: ${finalizers}`,
    },
  ];
}

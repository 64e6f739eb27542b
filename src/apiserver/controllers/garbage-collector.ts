import { CONTROLLER_MANAGER } from '../apply/managers.ts';
import { type Backend, timestamp } from '../handlers/context.ts';
import { deleteObject, FOREGROUND, ORPHAN } from '../handlers/delete.ts';
import { track } from '../handlers/strategy.ts';
import { storeUpdated } from '../handlers/update.ts';
import { keyOf, type Resource } from '../registry/resource.ts';
import type { Change } from '../storage/store.ts';
import type { KubeObject, OwnerReference } from '../types.ts';
import { idText, type ObjectId, OwnerIndex, parseId } from './owner-index.ts';

type OwnerState = 'present' | 'absent' | 'waiting';

/** An object with its resource and place. */
interface Item extends ObjectId {
  readonly resource: Resource;
  readonly object: KubeObject;
}

function isWaitingForDependents(object: KubeObject): boolean {
  const { deletionTimestamp, finalizers } = object.metadata;
  return deletionTimestamp !== undefined && (finalizers ?? []).includes(FOREGROUND);
}

/**
 * Deletes objects whose owners are all gone, and carries out foreground and orphaning deletion, as the garbage
 * collector of kube-controller-manager does.
 */
export class GarbageCollector {
  readonly #backend: Backend;
  readonly #index = new OwnerIndex();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Indexes all objects; returns the keys to process: objects that have owners or are being deleted. */
  index(): string[] {
    const found: string[] = [];
    for (const { bucket } of this.#backend.registry.buckets()) {
      for (const stored of this.#backend.store.list(bucket, '')) {
        this.#index.add(bucket, stored);
        if (this.#isOfInterest(stored.object)) found.push(idText({ bucket, key: stored.key }));
      }
    }
    return found;
  }

  /** Updates the index; returns the keys of the objects that these changes affect. */
  affectedBy(changes: readonly Change[]): string[] {
    const found = new Set<string>();
    for (const change of changes) {
      this.#index.apply(change);
      const { bucket, type, current } = change;
      const { object } = current;
      if (type === 'DELETED') {
        for (const id of this.#index.dependentsOf(object.metadata.uid)) found.add(id);
        // An owner may be waiting for this object's deletion.
        for (const owner of object.metadata.ownerReferences ?? []) this.#noteOwner(found, owner, object);
      } else if (this.#isOfInterest(object)) found.add(idText({ bucket, key: current.key }));
    }
    return [...found];
  }

  reconcile(id: string): void {
    const { bucket, key } = parseId(id);
    const object = this.#backend.store.get(bucket, key)?.object;
    const resource = this.#backend.registry.ofBucket(bucket);
    if (object === undefined || resource === undefined) return;
    const item = { bucket, key, resource, object };
    if (object.metadata.deletionTimestamp === undefined) this.#checkOwners(item);
    else if ((object.metadata.finalizers ?? []).includes(ORPHAN)) this.#orphanDependents(item);
    else if (isWaitingForDependents(object)) this.#deleteDependents(item);
  }

  #isOfInterest({ metadata }: KubeObject): boolean {
    return metadata.deletionTimestamp !== undefined || (metadata.ownerReferences?.length ?? 0) > 0;
  }

  #noteOwner(found: Set<string>, owner: OwnerReference, dependent: KubeObject): void {
    const place = this.#placeOf(owner, dependent);
    if (place !== undefined) found.add(idText(place));
  }

  /** The place of an owner; undefined when its kind is not served, or when it cannot own this object. */
  #placeOf(owner: OwnerReference, dependent: KubeObject): ObjectId | undefined {
    const resource = this.#backend.registry.findKind(owner.apiVersion, owner.kind);
    const { namespace } = dependent.metadata;
    if (resource === undefined || (resource.namespaced && namespace === undefined)) return undefined;
    return { bucket: resource.bucket, key: keyOf(resource, namespace, owner.name) };
  }

  #stateOf(owner: OwnerReference, dependent: KubeObject): OwnerState {
    const place = this.#placeOf(owner, dependent);
    // Objects of a kind that is not served cannot be known to be gone.
    if (place === undefined) return 'present';
    const found = this.#backend.store.get(place.bucket, place.key)?.object;
    if (found === undefined || found.metadata.uid !== owner.uid) return 'absent';
    return isWaitingForDependents(found) ? 'waiting' : 'present';
  }

  #checkOwners(item: Item): void {
    const { resource, object } = item;
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const states = owners.map((owner) => this.#stateOf(owner, object));
    if (states.includes('present')) {
      const kept = owners.filter((_, index) => states[index] === 'present');
      if (kept.length < owners.length) this.#edit(item, { ownerReferences: kept });
      return;
    }
    const { namespace, name = '', uid } = object.metadata;
    const hasDependents = this.#index.dependentsOf(uid).length > 0;
    const propagation = states.includes('waiting') && hasDependents ? 'Foreground' : undefined;
    deleteObject(this.#backend, resource, namespace, name, { propagation, uid });
  }

  #orphanDependents(item: Item): void {
    const { uid } = item.object.metadata;
    for (const dependent of this.#dependents(uid)) {
      const kept = (dependent.object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
      this.#edit(dependent, { ownerReferences: kept });
    }
    this.#removeFinalizer(item, ORPHAN);
  }

  #deleteDependents(item: Item): void {
    const { uid } = item.object.metadata;
    for (const dependent of this.#dependents(uid)) {
      if (dependent.object.metadata.deletionTimestamp === undefined) this.#checkOwners(dependent);
    }
    const blocking = this.#dependents(uid).some(({ object }) =>
      (object.metadata.ownerReferences ?? []).some(
        (owner) => owner.uid === uid && owner.blockOwnerDeletion === true,
      ),
    );
    if (!blocking) this.#removeFinalizer(item, FOREGROUND);
  }

  #dependents(uid: string | undefined): Item[] {
    return this.#index.dependentsOf(uid).flatMap((text) => {
      const { bucket, key } = parseId(text);
      const object = this.#backend.store.get(bucket, key)?.object;
      const resource = this.#backend.registry.ofBucket(bucket);
      return object === undefined || resource === undefined ? [] : [{ bucket, key, object, resource }];
    });
  }

  #removeFinalizer(item: Item, finalizer: string): void {
    this.#edit(item, {
      finalizers: (item.object.metadata.finalizers ?? []).filter((found) => found !== finalizer),
    });
  }

  /** Changes metadata only: the rest may no longer fit the schema. */
  #edit(item: Item, change: { finalizers: string[] } | { ownerReferences: OwnerReference[] }): void {
    const metadata = { ...item.object.metadata, ...change };
    if (metadata.finalizers?.length === 0) delete metadata.finalizers;
    if (metadata.ownerReferences?.length === 0) delete metadata.ownerReferences;
    const { resource, key } = item;
    const old = resource.fromStored(item.object);
    const how = { manager: CONTROLLER_MANAGER, subresource: undefined, now: timestamp(this.#backend.now()) };
    storeUpdated(this.#backend, resource, key, track(resource, { ...old, metadata }, old, how));
  }
}

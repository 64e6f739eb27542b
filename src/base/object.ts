import type { JsonObject } from './json.ts';

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** One entry of `metadata.managedFields`; `fieldsV1` is the set of owned fields in Kubernetes' `f:` notation. */
export interface ManagedFieldsEntry {
  manager?: string;
  operation?: 'Apply' | 'Update';
  apiVersion?: string;
  time?: string;
  fieldsType?: 'FieldsV1';
  fieldsV1?: JsonObject;
  subresource?: string;
}

/** The metadata that every object of the Kubernetes API carries. */
export interface ObjectMeta {
  name: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  /** Grows with every change of the spec; `observedGeneration` in a status refers to it. */
  generation?: number;
  creationTimestamp?: string;
  /** Set by a request to delete the object, which is removed when its finalizers are gone. */
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFieldsEntry[];
}

/** Any object of the Kubernetes API. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** A resource of the API and, for the compiler, the type of its objects. */
export interface ResourceRef<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: only carries T. */
  readonly objectType?: T;
}

/** Names one object of a resource. */
export interface ObjectName {
  readonly name: string;
  /** For namespaced resources only. */
  readonly namespace?: string;
}

/** `group/version`, or `v1` for the core group: the `apiVersion` of the resource's objects. */
export function apiVersionOf(ref: ResourceRef): string {
  return ref.group === '' ? ref.version : `${ref.group}/${ref.version}`;
}

/** The key of an object in caches and queues: `namespace/name`, or `name` for cluster-scoped ones. */
export function keyOf(object: { readonly metadata: ObjectName } | ObjectName): string {
  const { name, namespace } = 'metadata' in object ? object.metadata : object;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The reverse of {@link keyOf}. */
export function parseKey(key: string): ObjectName {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/**
 * An owner reference with which `owner` controls the object that carries it: the garbage collector deletes
 * that object after its owner, and, on foreground deletion, before it.
 */
export function controllerReference(owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata;
  if (uid === undefined) {
    throw new Error(`${owner.kind} ${keyOf(owner)} has no uid yet, so it cannot own anything`);
  }
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The owner that controls `object`, if any. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

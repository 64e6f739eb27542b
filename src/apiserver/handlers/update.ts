import { pushAll } from '../../base/push-all.ts';
import type { User } from '../auth/types.ts';
import { finalizerWarnings } from '../meta/validate-meta.ts';
import { etcdKey, keyOf, type Resource, resourceName } from '../registry/resource.ts';
import { cloneJson } from '../schema/json.ts';
import { badRequest, conflict, invalid, notFound, staleObject } from '../status-errors.ts';
import type { KubeObject, ObjectMeta, Subresource } from '../types.ts';
import { type Admit, ownerCheck } from './check-owner.ts';
import { type Backend, type ResourceRequest, timestamp } from './context.ts';
import type { Written } from './create.ts';
import { decodeResource, settleNamespace } from './decode-object.ts';
import { type WriteOptions, writeOptions } from './options.ts';
import { checkStorable } from './storable.ts';
import { countGeneration, fillDefaults, isSame, separateStatus, track, validateObject } from './strategy.ts';

/** The object to write, and the options of the write. */
export interface UpdateTarget {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subresource: Subresource;
}

type UpdateOptions = Pick<WriteOptions, 'dryRun'> & {
  /** Undefined when managedFields are already updated (server-side apply) or stay as they are (the server's own writes). */
  fieldManager: string | undefined;
  /** For server-side apply: nulls stay, so that validation refuses them. */
  keepNulls?: boolean;
  /** The requesting user; undefined for the server itself. */
  user?: User;
  /** Absent for the server itself; a status has no owner. */
  admit?: Admit;
};

/** The object in the resource's version; throws 404. */
export function currentObject(backend: Backend, target: Omit<UpdateTarget, 'subresource'>): KubeObject {
  const { resource, namespace, name } = target;
  const stored = backend.store.get(resource.bucket, keyOf(resource, namespace, name));
  if (stored === undefined) throw notFound(resourceName(resource), name);
  return resource.fromStored(stored.object);
}

/** Copies metadata that the client omitted or cannot set from the current object. Mutates. */
function carryMeta(metadata: ObjectMeta, old: ObjectMeta): void {
  metadata.uid ??= old.uid ?? '';
  for (const field of ['generation', 'namespace', 'resourceVersion', 'creationTimestamp'] as const) {
    const value = old[field];
    if (value === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: value });
  }
  // What is set where nothing was is refused later.
  const { deletionTimestamp: time, deletionGracePeriodSeconds: grace } = old;
  if (time !== undefined) metadata.deletionTimestamp = time;
  if (grace !== undefined) metadata.deletionGracePeriodSeconds ??= grace;
  delete metadata.selfLink;
}

function isGone(resource: Resource, object: KubeObject): boolean {
  const { deletionTimestamp, finalizers } = object.metadata;
  if (deletionTimestamp === undefined || (finalizers?.length ?? 0) > 0) return false;
  return resource.rules.holdsBack?.(object) !== true;
}

function checkVersion(resource: Resource, name: string, updated: KubeObject, old: KubeObject): void {
  const { resourceVersion } = updated.metadata;
  if (resourceVersion === undefined && resource.rules.requiresVersion) {
    const detail = 'must be specified for an update';
    const error = { type: 'Invalid', field: 'metadata.resourceVersion', value: 0, detail } as const;
    throw invalid(resourceName(resource), name, [error]);
  }
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
    throw staleObject(resourceName(resource), name);
  }
}

/**
 * Replaces an object by the result of `transform`, which may reuse parts of its argument but must not change them.
 * Synchronous from the read to the write. Removes the object when the update removed its last finalizer.
 */
export function updateObject(
  backend: Backend,
  target: UpdateTarget,
  transform: (old: KubeObject) => KubeObject,
  options: UpdateOptions,
): Written {
  const { resource, namespace, name, subresource } = target;
  const key = keyOf(resource, namespace, name);
  const old = currentObject(backend, target);
  const given = transform(old);
  checkVersion(resource, name, given, old);
  let updated = separateStatus(resource, cloneJson(given), old, subresource);
  carryMeta(updated.metadata, old.metadata);
  fillDefaults(resource, updated, options);
  if (options.user !== undefined) resource.rules.admit?.(updated, options.user);
  if (options.fieldManager !== undefined) {
    const now = timestamp(backend.now());
    const how = { manager: options.fieldManager, subresource, now, sent: given };
    updated = track(resource, updated, old, how);
  }
  resource.rules.prepare?.(updated, old, subresource);
  countGeneration(resource, updated, old);
  validateObject(resource, updated, old, subresource);
  if (subresource === undefined) options.admit?.(updated, old);
  if (isSame(updated, old)) return { object: old, stored: backend.store.get(resource.bucket, key) };
  if (options.dryRun) return { object: updated, stored: undefined };
  if (!isGone(resource, updated)) {
    const revision = Number(old.metadata.resourceVersion);
    checkStorable(resource, key, resource.toStored(updated), revision);
  }
  return storeUpdated(backend, resource, key, updated);
}

/** Takes ownership of an object in its version's form and stores it, or removes it when no finalizer keeps it any longer. */
export function storeUpdated(
  backend: Backend,
  resource: Resource,
  key: string,
  updated: KubeObject,
): Written {
  if (isGone(resource, updated)) {
    // As in kube, this update is never stored: watchers see the state before it, the client sees what it wrote.
    const stored = backend.store.remove(resource.bucket, key);
    return { object: updated, stored };
  }
  const stored = backend.store.put(resource.bucket, key, resource.toStored(updated));
  return { object: resource.fromStored(stored.object), stored };
}

/** The object must contain its name; the name in the URL is not enough. */
export function requireName(object: KubeObject, name: string): void {
  if (object.metadata.name) return;
  throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
}

/** The object's name and namespace must be the URL's; an absent namespace is filled in. Returns the object. */
export function checkPlace(request: ResourceRequest, object: KubeObject, name: string): KubeObject {
  requireName(object, name);
  if (object.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  settleNamespace(request, object);
  return object;
}

/** Throws 409 for the update of another object of the same name. @param path where etcd has it, for the message */
export function checkUid(resource: Resource, path: string, { metadata }: KubeObject, uid: string): void {
  if (uid === metadata.uid) return;
  const where = `Key: ${path}, ResourceVersion: 0`;
  const what = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`;
  const why = `StorageError: invalid object, Code: 4, ${where}, AdditionalErrorMsg: ${what}`;
  throw conflict(resourceName(resource), metadata.name ?? '', why);
}

/** PUT of an object or its status. */
export function handleUpdate(
  backend: Backend,
  request: ResourceRequest,
  name: string,
  subresource: Subresource,
): Written {
  const { resource, namespace } = request;
  const options = writeOptions(request);
  const object = decodeResource(request, options);
  checkPlace(request, object, name);
  const replace = (old: KubeObject): KubeObject => {
    const { uid } = object.metadata;
    if (uid !== undefined) checkUid(resource, etcdKey(resource, keyOf(resource, namespace, name)), old, uid);
    return object;
  };
  const written = updateObject(backend, { resource, namespace, name, subresource }, replace, {
    ...options,
    user: request.user,
    admit: ownerCheck(request),
  });
  pushAll(request.warnings, finalizerWarnings(object));
  return written;
}

import { pushAll } from '../../base/push-all.ts';
import type { User } from '../auth/types.ts';
import { NAMESPACES } from '../core-kinds/cluster.ts';
import { finalizerWarnings } from '../meta/validate-meta.ts';
import { keyOf, type Resource, resourceName } from '../registry/resource.ts';
import {
  ApiError,
  alreadyExists,
  badRequest,
  forbidden,
  generateNameConflict,
  namespaceTerminating,
  notFound,
} from '../status-errors.ts';
import type { StoredObject } from '../storage/store.ts';
import type { KubeObject } from '../types.ts';
import { type Admit, ownerCheck } from './check-owner.ts';
import { type Backend, type ResourceRequest, timestamp } from './context.ts';
import { decodeResource, settleNamespace } from './decode-object.ts';
import { type WriteOptions, writeOptions } from './options.ts';
import { checkStorable } from './storable.ts';
import { fillDefaults, separateStatus, track, validateObject } from './strategy.ts';

const NAME_ATTEMPTS = 8;
const MAX_GENERATED_LENGTH = 63;
const SUFFIX_LENGTH = 5;

/** The result of a write, in the resource's version; `stored` is absent after a dry run. */
export interface Written {
  readonly object: KubeObject;
  readonly stored: StoredObject | undefined;
}

/** A namespaced object needs a namespace that exists and is not being deleted. */
function checkNamespace(backend: Backend, resource: Resource, object: KubeObject): void {
  const { namespace, name } = object.metadata;
  if (!resource.namespaced || namespace === undefined) return;
  const stored = backend.store.get(NAMESPACES, namespace);
  if (stored === undefined) throw notFound({ group: '', name: NAMESPACES }, namespace);
  if (stored.object.metadata.deletionTimestamp !== undefined) {
    throw namespaceTerminating(resourceName(resource), name ?? '', namespace);
  }
}

/** Fills in the metadata that only the server sets. Mutates. */
function fillMeta(
  backend: Backend,
  resource: Resource,
  object: KubeObject,
  { keepNulls = false, dryRun }: CreateOptions,
): void {
  const { metadata } = object;
  // kube-apiserver's storage says so, which a dry run does not reach.
  if (metadata.resourceVersion !== undefined && !dryRun) {
    throw new ApiError({ code: 500, message: 'resourceVersion should not be set on objects to be created' });
  }
  delete metadata.deletionTimestamp;
  // kube leaves it to an object that server-side apply creates.
  if (!keepNulls) delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.generation;
  if (resource.countsGenerations) metadata.generation = 1;
  metadata.uid = backend.newUid();
  metadata.creationTimestamp = timestamp(backend.now());
}

/** The name that the object gets from its `generateName`, if it has one; defaults do not know it. */
function generatedName(backend: Backend, resource: Resource, object: KubeObject): string {
  const { generateName = '', namespace } = object.metadata;
  if (generateName === '') return '';
  const base = generateName.slice(0, MAX_GENERATED_LENGTH - SUFFIX_LENGTH);
  let name = '';
  for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
    name = base + backend.nameSuffix();
    if (backend.store.get(resource.bucket, keyOf(resource, namespace, name)) === undefined) return name;
  }
  throw generateNameConflict(resourceName(resource), name);
}

/** Options of a creation. Without a field manager, managedFields are already up to date. */
type CreateOptions = Pick<WriteOptions, 'dryRun'> & {
  fieldManager: string | undefined;
  /** For server-side apply: nulls stay, so that validation refuses them. */
  keepNulls?: boolean;
  /** The requesting user; undefined for the server itself. */
  user?: User;
  /** Absent for the server itself. */
  admit?: Admit;
};

/**
 * Stores a new object and takes ownership of it. Synchronous, so that nothing happens between the checks and the write;
 * the caller awaits `store.committed()` before it answers a client.
 */
export function createObject(
  backend: Backend,
  resource: Resource,
  given: KubeObject,
  options: CreateOptions,
): Written {
  checkNamespace(backend, resource, given);
  const { refusesCreation } = resource.rules;
  if (refusesCreation !== undefined) {
    throw forbidden(resourceName(resource), given.metadata.name, refusesCreation);
  }
  let object = separateStatus(resource, given, undefined, undefined);
  fillMeta(backend, resource, object, options);
  fillDefaults(resource, object, options);
  object.metadata.name ||= generatedName(backend, resource, object);
  if (options.user !== undefined) resource.rules.admit?.(object, options.user);
  if (options.fieldManager !== undefined) {
    const now = timestamp(backend.now());
    object = track(resource, object, undefined, {
      manager: options.fieldManager,
      subresource: undefined,
      now,
      sent: given,
    });
  }
  resource.rules.prepare?.(object, undefined);
  validateObject(resource, object, undefined);
  options.admit?.(object, undefined);
  const { namespace, name = '' } = object.metadata;
  const key = keyOf(resource, namespace, name);
  if (backend.store.get(resource.bucket, key) !== undefined)
    throw alreadyExists(resourceName(resource), name);
  if (options.dryRun) return { object, stored: undefined };
  const written = resource.toStored(object);
  checkStorable(resource, key, written, undefined);
  const stored = backend.store.put(resource.bucket, key, written);
  return { object: resource.fromStored(stored.object), stored };
}

/** POST of a new object. */
export function handleCreate(backend: Backend, request: ResourceRequest): Written {
  const { resource, name } = request;
  if (name !== undefined) throw badRequest('a name in the URL is for subresources only');
  const options = writeOptions(request);
  const object = decodeResource(request, options);
  settleNamespace(request, object);
  const written = createObject(backend, resource, object, {
    ...options,
    user: request.user,
    admit: ownerCheck(request),
  });
  pushAll(request.warnings, finalizerWarnings(object));
  return written;
}

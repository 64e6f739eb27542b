import { own } from '../../base/own.ts';
import { decodeObject, type RequestBody } from '../codec/decode.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import { isTrue } from '../http/request-info.ts';
import type { Answer } from '../http/respond.ts';
import { keyOf, kindName, type Resource, resourceName } from '../registry/resource.ts';
import { cloneJson } from '../schema/json.ts';
import {
  badRequest,
  conflict,
  deletedStatus,
  forbidden,
  invalidOptions,
  notFound,
} from '../status-errors.ts';
import type { FieldError, JsonValue, KubeObject } from '../types.ts';
import { type Admit, ownerCheck } from './check-owner.ts';
import { type Backend, type ResourceRequest, timestamp } from './context.ts';
import { dryRunErrors } from './options.ts';

/** Finalizers that tell the garbage collector what to do. */
export const ORPHAN = 'orphan';
export const FOREGROUND = 'foregroundDeletion';

type Propagation = 'Foreground' | 'Background' | 'Orphan';

/** `DeleteOptions`, from the body or the query. */
export interface DeleteOptions {
  readonly propagation?: Propagation | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly dryRun?: boolean;
}

/** `object` is the last state of a removed object, or the current state of one that waits for its finalizers. */
interface Deleted {
  readonly gone: boolean;
  readonly object: KubeObject;
}

interface DeleteBody {
  propagationPolicy?: string;
  orphanDependents?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: string[];
}

/** The apiVersion of delete options that leave it out. */
const META = 'meta.k8s.io/v1';
const POLICIES: readonly string[] = ['Foreground', 'Background', 'Orphan'] satisfies Propagation[];

/** The fields of DeleteOptions that are read here: a type check and the name of the Go type. */
const FIELDS: Readonly<Record<string, readonly [test: (value: JsonValue) => boolean, goType: string]>> = {
  gracePeriodSeconds: [(value) => typeof value === 'number', 'int64'],
  orphanDependents: [(value) => typeof value === 'boolean', 'bool'],
  propagationPolicy: [(value) => typeof value === 'string', 'v1.DeletionPropagation'],
  preconditions: [isJsonObject, 'v1.Preconditions'],
  dryRun: [Array.isArray, '[]string'],
};

/** The body of a deletion; throws 400 when it is not DeleteOptions: a deletion that misreads its options cannot be undone. */
function deleteBody(body: RequestBody): DeleteBody {
  const { object } = decodeObject(body, { apiVersion: META, kind: 'DeleteOptions' }, true);
  const { kind = 'DeleteOptions', apiVersion = META } = object;
  if (kind !== 'DeleteOptions') {
    const scheme = 'in scheme "pkg/runtime/scheme.go:111"';
    throw badRequest(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} ${scheme}`,
    );
  }
  for (const [name, [test, goType]] of Object.entries(FIELDS)) {
    const value = own(object, name);
    if (value === undefined || value === null || test(value)) continue;
    const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    throw badRequest(
      `json: cannot unmarshal ${found} into Go struct field DeleteOptions.${name} of type ${goType}`,
    );
  }
  return object as DeleteBody;
}

/** Reads DeleteOptions; throws 422 for a policy that does not exist. */
export function deleteOptions(request: Pick<ResourceRequest, 'body' | 'query'>): DeleteOptions {
  const { body, query } = request;
  const sent = body.bytes.length === 0 ? {} : deleteBody(body);
  const policy = sent.propagationPolicy ?? query.get('propagationPolicy') ?? undefined;
  const dryRun = sent.dryRun ?? query.getAll('dryRun').filter((value) => value !== '');
  const errors: FieldError[] = dryRunErrors(dryRun);
  if (policy !== undefined && !POLICIES.includes(policy)) {
    const detail = 'supported values: "Foreground", "Background", "Orphan", "nil"';
    errors.push({ type: 'NotSupported', field: 'propagationPolicy', value: policy, detail });
  }
  const orphan =
    sent.orphanDependents ??
    (query.has('orphanDependents') ? isTrue(query.get('orphanDependents')) : undefined);
  if (orphan !== undefined && policy !== undefined) {
    const detail = 'orphanDependents and deletionPropagation cannot be both set';
    errors.push({ type: 'Invalid', field: 'propagationPolicy', value: policy, detail });
  }
  if (errors.length > 0) throw invalidOptions('DeleteOptions', errors);
  return {
    propagation: orphan ? 'Orphan' : (policy as Propagation | undefined),
    uid: sent.preconditions?.uid,
    resourceVersion: sent.preconditions?.resourceVersion,
    dryRun: dryRun.length > 0,
  };
}

/** Kinds that something besides finalizers keeps are deleted by code of their own in kube, which has other words. */
function checkOwnPreconditions(resource: Resource, { metadata }: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion, name = '' } = metadata;
  const fields = [
    ['UID', options.uid, uid],
    ['ResourceVersion', options.resourceVersion, resourceVersion],
  ] as const;
  for (const [field, wanted, found] of fields) {
    if (wanted === undefined || wanted === found) continue;
    const why = `Precondition failed: ${field} in precondition: ${wanted}, ${field} in object meta: ${found}`;
    throw conflict(resourceName(resource), name, why);
  }
}

function checkPreconditions(resource: Resource, object: KubeObject, options: DeleteOptions): void {
  if (resource.rules.holdsBack !== undefined) checkOwnPreconditions(resource, object, options);
  const { uid, resourceVersion, name = '' } = object.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw conflict(kindName(resource), name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(kindName(resource), name, why);
  }
}

/** The finalizers that the propagation policy requires; without a policy they stay unchanged. */
function finalizersFor(object: KubeObject, propagation: Propagation | undefined): string[] {
  const present = object.metadata.finalizers ?? [];
  if (propagation === undefined) return [...present];
  const others = present.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND);
  if (propagation === 'Orphan') return [...others, ORPHAN];
  return propagation === 'Foreground' ? [...others, FOREGROUND] : others;
}

function marked(backend: Backend, resource: Resource, object: KubeObject, finalizers: string[]): KubeObject {
  const deleting = cloneJson(object);
  const { metadata } = deleting;
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (metadata.deletionTimestamp !== undefined) {
    // Of what marked itself, a second deletion sets what others got with the first.
    metadata.deletionGracePeriodSeconds ??= 0;
    return deleting;
  }
  metadata.deletionTimestamp = timestamp(backend.now());
  if (resource.rules.beginDeletion !== undefined) resource.rules.beginDeletion(deleting);
  else {
    metadata.deletionGracePeriodSeconds = 0;
    if (metadata.generation !== undefined) metadata.generation += 1;
  }
  return deleting;
}

/** Deletes an object, or marks it as deleted while finalizers keep it. Throws 404 and 409, and what `admit` throws. Synchronous. */
export function deleteObject(
  backend: Backend,
  resource: Resource,
  namespace: string | undefined,
  name: string,
  options: DeleteOptions,
  admit?: Admit,
): Deleted {
  const key = keyOf(resource, namespace, name);
  const { object } = backend.store.get(resource.bucket, key) ?? {};
  if (object === undefined) throw notFound(resourceName(resource), name);
  const refusal = resource.rules.refusesDeletion?.(object);
  if (refusal !== undefined) throw forbidden(resourceName(resource), name, refusal);
  checkPreconditions(resource, object, options);
  admit?.(undefined, object);
  const finalizers = finalizersFor(object, options.propagation);
  const stays = finalizers.length > 0 || resource.rules.holdsBack?.(object) === true;
  const present = object.metadata.finalizers ?? [];
  const { deletionTimestamp, deletionGracePeriodSeconds: grace } = object.metadata;
  const isMarked = grace !== undefined || resource.rules.holdsBack?.(object) === true;
  const waiting = deletionTimestamp !== undefined && isMarked && finalizers.join() === present.join();
  if (options.dryRun || (stays && waiting)) {
    const state = stays && !waiting ? marked(backend, resource, object, finalizers) : object;
    return { gone: !stays, object: resource.fromStored(state) };
  }
  const written = stays
    ? backend.store.put(resource.bucket, key, marked(backend, resource, object, finalizers))
    : backend.store.remove(resource.bucket, key);
  return { gone: !stays, object: resource.fromStored(written.object) };
}

/** DELETE of one object: a Status when it is gone, the object while it waits. */
export function handleDelete(backend: Backend, request: ResourceRequest, name: string): Answer {
  const { resource, namespace, subresource } = request;
  if (subresource !== undefined) throw badRequest('subresources cannot be deleted');
  const { gone, object } = deleteObject(
    backend,
    resource,
    namespace,
    name,
    deleteOptions(request),
    ownerCheck(request),
  );
  const asStatus = gone && !resource.answersWithDeleted;
  const body = asStatus ? deletedStatus(resourceName(resource), name, object.metadata.uid) : object;
  return { code: 200, body };
}

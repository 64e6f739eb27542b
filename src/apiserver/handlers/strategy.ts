import { isDeepStrictEqual } from 'node:util';
import { trackUpdate } from '../apply/apply.ts';
import { zeroStruct } from '../codec/go-types.ts';
import { validateMeta, validateMetaUpdate } from '../meta/validate-meta.ts';
import { apiVersionOf, asJson, kindName, type Resource } from '../registry/resource.ts';
import { cloneJson } from '../schema/json.ts';
import { invalid, notDecodable } from '../status-errors.ts';
import type { KubeObject, Subresource } from '../types.ts';
import { decodeTyped } from './typed.ts';

/** Updates managedFields for an ordinary write; server-side apply does that itself. */
export interface Tracking {
  readonly manager: string;
  readonly subresource: Subresource;
  readonly now: string;
  /** The object as the client sent it. */
  readonly sent?: KubeObject;
}

/** Field of the last error, which says that CEL rules were not run. */
const UNCHECKED = '<nil>';

/** Throws 422 with everything that is wrong with the object. */
export function validateObject(
  resource: Resource,
  object: KubeObject,
  old: KubeObject | undefined,
  subresource?: Subresource,
): void {
  const { namespaced, rules, custom, compiled } = resource;
  const others = validateMeta(object.metadata, { namespaced, ...rules });
  const how = { subresource: subresource === 'status' ? subresource : undefined, others };
  // What does not fit a struct was refused when it was decoded.
  const schemaErrors = custom ? compiled.validate(asJson(object), old && asJson(old), how) : [];
  const changes = old === undefined ? [] : validateMetaUpdate(object.metadata, old.metadata);
  const errors = [
    ...others,
    ...changes,
    // kube checks the update of metadata twice, and reports it so.
    ...changes,
    ...schemaErrors.filter((error) => error.field !== UNCHECKED),
    ...(rules.validate?.(object, old, subresource) ?? []),
    ...schemaErrors.filter((error) => error.field === UNCHECKED),
  ];
  if (errors.length > 0) throw invalid(kindName(resource), object.metadata.name ?? '', errors);
}

/** Defaults, of the schema and of the kind itself. Mutates. */
export function fillDefaults(resource: Resource, object: KubeObject, nulls: { keepNulls?: boolean }): void {
  if (resource.custom) resource.compiled.applyDefaults(asJson(object), nulls);
  else {
    const { problem } = decodeTyped(resource, asJson(object), 'written');
    if (problem !== undefined) throw notDecodable(resource, problem);
  }
  resource.rules.fillDefaults?.(object);
}

function withDefaults(resource: Resource, object: KubeObject): KubeObject {
  const copy = cloneJson(object);
  resource.compiled.applyDefaults(asJson(copy));
  return copy;
}

/** With a status subresource, the main endpoint never writes the status, and the status endpoint writes nothing else. */
export function separateStatus(
  resource: Resource,
  updated: KubeObject,
  old: KubeObject | undefined,
  subresource: Subresource,
): KubeObject {
  if (subresource === 'status' && old !== undefined) {
    const { managedFields, resourceVersion } = updated.metadata;
    // Of Kubernetes' own kinds, that endpoint writes metadata, too.
    if (!resource.custom)
      return withStatus({ ...cloneJson(old), metadata: updated.metadata }, updated.status);
    const metadata = { ...cloneJson(old.metadata), resourceVersion };
    if (managedFields === undefined) delete metadata.managedFields;
    else metadata.managedFields = managedFields;
    return withStatus({ ...cloneJson(old), metadata }, updated.status);
  }
  return resource.hasStatus ? withStatus(updated, cloneJson(old?.status)) : updated;
}

function withStatus(object: KubeObject, status: unknown): KubeObject {
  const { status: _, ...rest } = object;
  return (status === undefined ? rest : { ...rest, status }) as KubeObject;
}

function comparable(object: KubeObject): unknown {
  const { resourceVersion: _version, managedFields, ...metadata } = object.metadata;
  const managers = (managedFields ?? []).map(({ time: _time, ...entry }) => entry);
  return { ...object, metadata: { ...metadata, managers } };
}

/** Whether a write would leave the object as it is (times in managedFields alone are no change). */
export function isSame(updated: KubeObject, old: KubeObject): boolean {
  return isDeepStrictEqual(comparable(updated), comparable(old));
}

function specOf(resource: Resource, object: KubeObject): unknown {
  const { metadata: _metadata, status, ...rest } = object;
  return resource.hasStatus ? rest : { ...rest, status };
}

/** generation grows when anything but metadata and status has changed. Mutates. */
export function countGeneration(resource: Resource, updated: KubeObject, old: KubeObject): void {
  if (!resource.countsGenerations) return;
  const before = old.metadata.generation ?? 1;
  const changed = !isDeepStrictEqual(specOf(resource, updated), specOf(resource, old));
  updated.metadata.generation = changed ? before + 1 : before;
}

/**
 * The object with updated managedFields. A status that this endpoint does not write has no owner, even if defaults
 * created it.
 */
export function track(
  resource: Resource,
  updated: KubeObject,
  old: KubeObject | undefined,
  how: Tracking,
): KubeObject {
  const { schema, struct, hasStatus, custom } = resource;
  const isApart = hasStatus && how.subresource === undefined;
  const written = (object: KubeObject) => (isApart ? withStatus(object, undefined) : object);
  const { status: zeroStatus, ...zero } = struct === undefined ? {} : zeroStruct(struct);
  const tracked = trackUpdate({
    old: old && written(old),
    updated: written(updated),
    apiVersion: apiVersionOf(resource),
    custom,
    schema,
    zero: isApart || zeroStatus === undefined ? zero : { ...zero, status: zeroStatus },
    ...how,
    sent: custom && how.sent !== undefined ? withDefaults(resource, how.sent) : how.sent,
  });
  return isApart ? withStatus(tracked, updated.status) : tracked;
}

/**
 * Server-side apply and the book-keeping of field ownership for ordinary writes, as kube-apiserver does them
 * (structured-merge-diff): which manager owns which field, which writes conflict, and which fields are removed because
 * an applier's manifest no longer holds them.
 */

import { isSameJson } from '../../base/equality.ts';
import { own, setOwn } from '../../base/own.ts';
import { isManagedFieldsEntry } from '../meta/object-meta.ts';
import { cloneJson } from '../schema/json.ts';
import type {
  ApplyConflict,
  ApplyRequest,
  ApplyResult,
  Endpoint,
  JsonObject,
  JsonValue,
  KubeObject,
  ManagedFieldsEntry,
  TrackRequest,
} from '../types.ts';
import { isTyped, typeErrors } from './check-typed.ts';
import { printPath } from './elements.ts';
import { fieldSetOf } from './field-set-of.ts';
import { EMPTY, type FieldSet, isEmpty, pathsOf, recursiveDifference, setOf, union } from './fieldset.ts';
import { allowedByLastApplied, syncLastApplied } from './last-applied.ts';
import {
  capUpdaters,
  decodeManagers,
  encodeManagers,
  identityOf,
  type Manager,
  type Managers,
  newManager,
} from './managers.ts';
import { type MergeType, mergeTypeOf } from './merge-type.ts';
import { changes, conflictsOf, mergeAndPrune, tracked, yieldFields } from './update.ts';
import { isObject } from './walk.ts';

/** A manifest that cannot be merged: it has unknown fields, duplicate items in a set, or managedFields. */
export class ApplyError extends Error {
  /** The HTTP status with which kube answers. */
  readonly code: 400 | 500;

  constructor(code: 400 | 500, message: string) {
    super(message);
    this.code = code;
  }
}

/** Fields that this endpoint does not write; a write through it gives nobody ownership of them. */
function resetFields({ subresource, custom }: Endpoint): FieldSet {
  if (subresource !== 'status') return EMPTY;
  return custom ? setOf(['f:metadata'], ['f:spec']) : setOf(['f:spec']);
}

/**
 * Applies a manifest: merges it into the live object and updates ownership. Does not change its arguments.
 * The caller removes from `applied` what the endpoint does not write (status, where it is a subresource), applies
 * defaults to the result, and stores it only if it differs from `live`. Throws an ApplyError for a manifest that
 * cannot be merged.
 */
export function serverSideApply(request: ApplyRequest): ApplyResult {
  const type = mergeTypeOf(request.schema);
  checkManifest(request, type);
  const result = attempt(request, type, request.force);
  if (result.ok || request.manager !== 'kubectl' || request.live === undefined)
    return finish(result, request);

  // kubectl moves from client-side to server-side apply: it owns what it applied client-side.
  const allowed = allowedByLastApplied(type, request.live, request.apiVersion);
  if (allowed === undefined) return result;
  const others = result.conflicts.filter((conflict) => !allowed.has(conflict.field));
  if (others.length > 0) return { ok: false, conflicts: others };
  return finish(attempt(request, type, true), request);
}

function finish(result: ApplyResult, request: ApplyRequest): ApplyResult {
  if (!result.ok || request.manager !== 'kubectl') return result;
  return { ok: true, object: syncLastApplied(result.object, request.applied) };
}

function checkManifest(request: ApplyRequest, type: MergeType): void {
  const applied = request.manifest ?? request.applied;
  const metadata = asJson(applied.metadata ?? {});
  if (hasManagedFields(metadata)) {
    throw new ApplyError(400, 'metadata.managedFields must be nil');
  }
  const errors = typeErrors(type, asJson(applied));
  if (errors.length === 0) return;
  const what = `${textOf(metadata.namespace)}/${textOf(metadata.name)}; ${typeName(applied)}`;
  const text = errors.length === 1 ? errors[0] : ['errors:', ...errors.map((line) => `  ${line}`)].join('\n');
  throw new ApplyError(500, `failed to create typed patch object (${what}): ${text}`);
}

/** Whether kube reads managedFields in the manifest; anything else there is left to the check of types. */
function hasManagedFields({ managedFields }: JsonObject): boolean {
  return (
    Array.isArray(managedFields) &&
    managedFields.every((entry) => isObject(entry) && isManagedFieldsEntry(cloneJson(entry)))
  );
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** A type as Go prints it: the core group is the empty one before the slash. */
export function typeName({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): string {
  return `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`;
}

/** KubeObject types its fields as `unknown`; every object here was parsed from JSON. */
function asJson(object: object): JsonObject {
  return object as unknown as JsonObject;
}

function attempt(request: ApplyRequest, type: MergeType, force: boolean): ApplyResult {
  const { apiVersion, applied } = request;
  const live = withoutManagedFields(request.live ?? emptyObject(applied));
  const reset = resetFields(request);
  const before = managersBefore(request, type);
  const self = newManager(request.manager, 'Apply', apiVersion, request.subresource);
  const identity = identityOf(self);
  const last = before.get(identity);
  const fields = recursiveDifference(fieldSetOf(type, asJson(applied)), reset);
  const managers = new Map(before).set(identity, { ...self, time: last?.time, fields });

  const merged = mergeAndPrune(type, live, asJson(applied), managers, last?.fields);
  const comparison = changes(type, live, merged, reset);
  const conflicts = conflictsOf(managers, identity, comparison);
  if (conflicts.size > 0 && !force) return { ok: false, conflicts: describe(conflicts, managers) };

  const settled = new Map(yieldFields(managers, identity, comparison));
  const changed = !isSameJson(live, merged);
  const time = changed ? request.now : last?.time;
  settle(settled, identity, { ...self, time, fields: tracked(fields) });
  const body = request.subresource === 'status' ? onlyStatus(request, live, merged) : (merged as JsonObject);
  return { ok: true, object: withManagers(body, settled) };
}

/** The status endpoint writes only the status, and maybe metadata, whatever the manifest holds. */
function onlyStatus({ custom }: Endpoint, live: JsonObject, merged: JsonValue): JsonObject {
  const { status: _, ...others } = live;
  const { status, metadata = null } = isObject(merged) ? merged : {};
  const written = custom ? others : { ...others, metadata };
  return status === undefined ? written : { ...written, status };
}

function settle(managers: Map<string, Manager>, identity: string, manager: Manager): void {
  if (isEmpty(manager.fields)) managers.delete(identity);
  else managers.set(identity, manager);
}

function emptyObject(applied: KubeObject): KubeObject {
  return { apiVersion: applied.apiVersion, kind: applied.kind, metadata: {} };
}

/** Fields that existed before any ownership was recorded belong to `before-first-apply`. */
function managersBefore(request: ApplyRequest, type: MergeType): Managers {
  const { live } = request;
  if (live === undefined) return new Map();
  const managers = decodeManagers(live.metadata.managedFields);
  if (managers === undefined) throw new ApplyError(500, 'failed to decode managed fields');
  if (managers.size > 0) return managers;
  const first = newManager('before-first-apply', 'Update', request.apiVersion, request.subresource);
  const nothing = withZero(asJson(emptyObject(live)), request.zero ?? {});
  const comparison = changes(type, nothing, withoutManagedFields(live), EMPTY);
  const fields = tracked(union(comparison.added, comparison.modified));
  return isEmpty(fields)
    ? new Map()
    : new Map([[identityOf(first), { ...first, time: request.now, fields }]]);
}

function describe(conflicts: ReadonlyMap<string, FieldSet>, managers: Managers): ApplyConflict[] {
  return [...conflicts].flatMap(([identity, fields]) => {
    const manager = managers.get(identity);
    if (manager === undefined) return [];
    return pathsOf(fields).map((path) => ({
      manager: manager.name,
      apiVersion: manager.apiVersion,
      operation: manager.operation,
      ...(manager.subresource === undefined ? {} : { subresource: manager.subresource }),
      ...(manager.time === undefined ? {} : { time: manager.time }),
      field: printPath(path),
    }));
  });
}

/**
 * Updates managedFields after an ordinary write (create, update, patch): the manager owns the fields that it changed;
 * fields that it removed have no owner. `managedFields: [{}]` in the updated object resets ownership. Returns a new object.
 */
export function trackUpdate(request: TrackRequest): KubeObject {
  const type = mergeTypeOf(request.schema);
  const reset = resetFields(request);
  const updated = withoutManagedFields(request.updated);
  // As kube does: fields that this endpoint ignores are checked too; if they do not fit the type, no ownership is recorded.
  if (request.sent !== undefined && !isTyped(type, withoutManagedFields(request.sent))) {
    return withManagers(updated, new Map());
  }
  const found = request.old ?? emptyObject(request.updated);
  const old = withZero(withoutManagedFields(found), request.zero ?? {});
  const before = managersForUpdate(request);
  if (before.size === 0 && request.old !== undefined) {
    return withManagers(updated, before);
  }
  const comparison = changes(type, old, updated, reset);
  const managers = new Map(yieldFields(before, '', comparison));
  const taken = tracked(union(comparison.modified, comparison.added));
  if (!isEmpty(taken)) {
    const self = newManager(request.manager, 'Update', request.apiVersion, request.subresource);
    const identity = identityOf(self);
    const fields = union(managers.get(identity)?.fields ?? EMPTY, taken);
    // kube drops the time of a write through scale when it converts the entry back to the object's.
    const time = request.subresource === 'scale' ? undefined : request.now;
    managers.set(identity, { ...self, time, fields });
  }
  return withManagers(updated, capUpdaters(managers));
}

/** Clients may edit managedFields in an ordinary write, but not through a subresource; invalid entries are ignored. */
function managersForUpdate({ old, updated, subresource, custom }: TrackRequest): Managers {
  const ofOld = decodeManagers(old?.metadata.managedFields) ?? new Map();
  if (subresource !== undefined) return ofOld;
  const entries = updated.metadata.managedFields;
  if (entries !== undefined && isReset(entries, custom)) return new Map();
  const ofUpdated = decodeManagers(entries);
  return ofUpdated === undefined || ofUpdated.size === 0 ? ofOld : ofUpdated;
}

/**
 * `managedFields: [{}]` resets ownership. An empty list resets it for Kubernetes' own kinds only: for custom resources
 * kube-apiserver cannot distinguish an empty list from an absent one.
 */
function isReset(entries: readonly ManagedFieldsEntry[], custom: boolean): boolean {
  const [only, ...others] = entries;
  if (only === undefined) return !custom;
  return others.length === 0 && Object.keys(only).length === 0;
}

/** The object with what every object of its kind has, even when it is empty: no manager added it. */
function withZero(object: JsonObject, zero: JsonObject): JsonObject {
  const result = { ...object };
  for (const [name, below] of Object.entries(zero)) {
    const present = own(result, name);
    if (present === undefined) setOwn(result, name, below ?? null);
    else if (isObject(present) && isObject(below ?? null))
      setOwn(result, name, withZero(present, below as JsonObject));
  }
  return result;
}

function withoutManagedFields(object: KubeObject): JsonObject {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return cloneJson(asJson({ ...object, metadata }));
}

/** The object with its managers written into it. */
function withManagers(body: JsonObject, managers: Managers): KubeObject {
  const object = body as unknown as KubeObject;
  const managedFields = encodeManagers(managers);
  return managedFields === undefined
    ? object
    : { ...object, metadata: { ...object.metadata, managedFields } };
}

import { pushAll } from '../../base/push-all.ts';
import { ApplyError, serverSideApply, typeName } from '../apply/apply.ts';
import { parseManifest } from '../codec/decode.ts';
import { decodeStruct, goKindOf } from '../codec/go-decode.ts';
import { zeroStruct } from '../codec/go-types.ts';
import { applyJsonPatch, JsonPatchError, readOperations, unknownFields } from '../codec/json-patch.ts';
import { scanJson } from '../codec/json-scanner.ts';
import { isJsonObject, mergePatch } from '../codec/merge-patch.ts';
import { strategicMerge } from '../codec/strategic-merge.ts';
import { finalizerWarnings } from '../meta/validate-meta.ts';
import { apiVersionOf, asJson, keyOf, type Resource, resourceName } from '../registry/resource.ts';
import { cloneJson } from '../schema/json.ts';
import {
  ApiError,
  applyConflict,
  badRequest,
  conflict,
  notFound,
  tooLarge,
  unprocessablePatch,
  unsupportedMediaType,
  unsupportedPatch,
} from '../status-errors.ts';
import type {
  ApplyConflict,
  ApplyRequest,
  ApplyResult,
  JsonObject,
  JsonValue,
  KubeObject,
  ObjectMeta,
  Subresource,
} from '../types.ts';
import { ownerCheck } from './check-owner.ts';
import { type Backend, type ResourceRequest, timestamp } from './context.ts';
import { createObject, type Written } from './create.ts';
import { repeatedKeys } from './decode-object.ts';
import { type WriteOptions, writeOptions } from './options.ts';
import { patchedObject } from './patched.ts';
import { decodeTyped } from './typed.ts';
import { checkPlace, updateObject } from './update.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

/** kube-apiserver's limit on the operations of one JSON patch. */
const MAX_OPERATIONS = 10_000;

interface Patch {
  /** A strategic patch, which errors quote in place of the patched object. */
  readonly strategic?: JsonObject;
  /** Applies the patch to an object; may change it in place. */
  readonly apply: (object: JsonObject) => JsonValue;
  /** Warnings about unknown fields of the patch itself. */
  readonly warnings: readonly string[];
  /** Fields that occur twice in the patch. */
  readonly duplicates: readonly string[];
}

type Parsed<T> = { readonly value: T } & Pick<Patch, 'duplicates'>;

function parsePatch(text: string): Parsed<JsonValue> {
  const scanned = scanJson(text);
  if (scanned.problem !== undefined) throw badRequest(`error decoding patch: ${scanned.problem}`);
  return { value: JSON.parse(text) as JsonValue, duplicates: scanned.duplicates };
}

function objectPatch(text: string): Parsed<JsonObject> {
  const { value, duplicates } = parsePatch(text);
  if (!isJsonObject(value)) {
    const what = value === null ? 'null' : goKindOf(value);
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${what} into Go value of type map[string]interface {}`,
    );
  }
  return { value, duplicates };
}

function operationsPatch(text: string): Patch {
  const operations = readOperations(parsePatch(text).value);
  const { length } = operations;
  const apply = (object: JsonObject): JsonValue => {
    if (length > MAX_OPERATIONS) {
      throw tooLarge(`The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${length}`);
    }
    try {
      return applyJsonPatch(object, operations);
    } catch (error) {
      if (error instanceof JsonPatchError) throw unprocessablePatch();
      throw error;
    }
  };
  return { apply, warnings: unknownFields(operations), duplicates: [] };
}

/** Parses a patch by its media type; throws 415 for a type that the resource does not support. */
export function patchOf(
  mediaType: string,
  text: string,
  resource: Pick<Resource, 'custom' | 'mergeKeys'>,
): Patch {
  if (mediaType === JSON_PATCH) return operationsPatch(text);
  if (mediaType === MERGE_PATCH) {
    const { value, duplicates } = objectPatch(text);
    return { apply: (object) => mergePatch(object, value), warnings: [], duplicates };
  }
  if (mediaType === STRATEGIC_PATCH && !resource.custom) {
    const { value, duplicates } = objectPatch(text);
    const apply = (object: JsonObject): JsonValue => strategicMerge(object, value, resource.mergeKeys);
    return { apply, warnings: [], duplicates, strategic: value };
  }
  const types = [JSON_PATCH, MERGE_PATCH, ...(resource.custom ? [] : [STRATEGIC_PATCH]), APPLY_PATCH];
  // kube's router, which stands before built-in kinds alone, lets a type with a space after it pass.
  if (!resource.custom && !types.includes(mediaType.trim())) throw unsupportedPatch();
  throw unsupportedMediaType(types);
}

function handleOrdinaryPatch(
  backend: Backend,
  request: ResourceRequest,
  name: string,
  subresource: Subresource,
): Written {
  const { resource, namespace, body } = request;
  const options = writeOptions(request);
  const patch = patchOf(body.mediaType, body.bytes.toString('utf8'), resource);
  const transform = (old: KubeObject): KubeObject =>
    patchedObject(request, options, patch.apply(cloneJson(asJson(old))), name, patch);
  return updateObject(backend, { resource, namespace, name, subresource }, transform, {
    ...options,
    user: request.user,
    admit: ownerCheck(request),
  });
}

/** kube-apiserver's conflict error: its sentence and its causes. */
function conflictError(conflicts: readonly ApplyConflict[]): Error {
  const owner = ({ manager, apiVersion, operation, subresource }: ApplyConflict): string => {
    const through = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`;
    // An applier has one entry for all versions; an updater has one per version.
    return `${JSON.stringify(manager)}${through}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
  };
  const byOwner = Map.groupBy(conflicts, owner);
  const count = conflicts.length === 1 ? '1 conflict' : `${conflicts.length} conflicts`;
  const owners = [...byOwner].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lists = owners.map(([who, fields]) => {
    const only = fields[0]?.field ?? '';
    if (conflicts.length === 1) return `conflict with ${who}: ${only}`;
    return `conflicts with ${who}:\n${fields.map(({ field }) => `- ${field}`).join('\n')}`;
  });
  const causes = conflicts.map((conflict) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${owner(conflict)}`,
    field: conflict.field,
  }));
  return applyConflict(`Apply failed with ${count}: ${lists.join('\n')}`, causes);
}

function merged(result: ApplyResult): KubeObject {
  if (!result.ok) throw conflictError(result.conflicts);
  return result.object;
}

/** The live object with the manifest merged into it. Throws 409 for conflicts. */
export function runApply(
  request: ResourceRequest,
  options: WriteOptions,
  how: Pick<ApplyRequest, 'live' | 'applied' | 'subresource' | 'now'> & { manifest: KubeObject },
): KubeObject {
  const { resource } = request;
  const { force, fieldManager: manager } = options;
  const apiVersion = apiVersionOf(resource);
  const { schema, struct } = resource;
  try {
    const result = serverSideApply({
      ...how,
      manager,
      force,
      apiVersion,
      custom: resource.custom,
      schema,
      zero: struct && zeroStruct(struct),
    });
    return converted(resource, merged(result), how.manifest);
  } catch (error) {
    if (!(error instanceof ApplyError)) throw error;
    const reason = error.code === 400 ? { reason: 'BadRequest' } : {};
    throw new ApiError({ code: error.code, message: error.message, ...reason });
  }
}

/** What is replaced or not written here (managedFields, the status) is converted, too. */
function manifestProblem({ struct }: Resource, manifest: KubeObject): string | undefined {
  return struct && decodeStruct(cloneJson(asJson(manifest)), struct, 'converter').problem;
}

/** The merged object as an object of the resource: the merge left nulls, and texts where times should be. */
function converted(resource: Resource, object: KubeObject, manifest: KubeObject): KubeObject {
  const problem =
    decodeTyped(resource, asJson(object), 'converter').problem ?? manifestProblem(resource, manifest);
  if (problem === undefined) return object;
  const { name = '', namespace = '' } = manifest.metadata;
  const unconverted = resource.custom ? '' : `unable to convert unstructured object to ${typeName(object)}: `;
  const what = `failed to convert new object (${namespace}/${name}; ${typeName(object)}) to proper version`;
  throw new ApiError({ code: 500, message: `${what}: ${unconverted}${problem}` });
}

/** Reads the manifest of an apply request: YAML or JSON. Only its type is checked here. */
export function appliedManifest(request: ResourceRequest, options: WriteOptions): KubeObject {
  const { resource, body } = request;
  const { object, repeated } = parseManifest(body.bytes.toString('utf8'));
  if (repeated.length > 0 && options.fieldValidation === 'Strict') {
    const why = `error converting YAML to JSON: ${repeatedKeys(repeated)}`;
    throw badRequest(`error strict decoding YAML: ${why}`);
  }
  if (options.fieldValidation === 'Warn') pushAll(request.warnings, repeated);
  const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
  const type = { apiVersion: text(object.apiVersion), kind: text(object.kind) };
  if (type.apiVersion !== apiVersionOf(resource) || type.kind !== resource.kind) {
    throw badRequest(`invalid object type: ${typeName(type)}`);
  }
  return { ...object, ...type, metadata: (object.metadata ?? {}) as ObjectMeta };
}

/** The manifest without the fields that this endpoint does not write, so that the applier does not own them. */
function writablePart(resource: Resource, applied: KubeObject, subresource: Subresource): KubeObject {
  if (!resource.hasStatus || subresource !== undefined) return applied;
  const { status: _, ...rest } = applied;
  return rest as KubeObject;
}

function handleApply(
  backend: Backend,
  request: ResourceRequest,
  name: string,
  subresource: Subresource,
): Written & { created: boolean } {
  const { resource, namespace } = request;
  const options = writeOptions(request, true);
  const now = timestamp(backend.now());
  const exists = backend.store.get(resource.bucket, keyOf(resource, namespace, name)) !== undefined;
  if (!exists && subresource !== undefined) throw notFound(resourceName(resource), name);
  const manifest = appliedManifest(request, options);
  const how = { applied: writablePart(resource, manifest, subresource), manifest, subresource, now };
  const settled = {
    dryRun: options.dryRun,
    fieldManager: undefined,
    keepNulls: true,
    user: request.user,
    admit: ownerCheck(request),
  };
  if (!exists) {
    request.allow('create');
    const object = runApply(request, options, { live: undefined, ...how });
    checkPlace(request, object, name);
    const { uid } = object.metadata;
    if (uid !== undefined) {
      const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
      throw conflict(resourceName(resource), name, why);
    }
    return { ...createObject(backend, resource, object, settled), created: true };
  }
  const transform = (live: KubeObject): KubeObject =>
    checkPlace(request, runApply(request, options, { live, ...how }), name);
  return {
    ...updateObject(backend, { resource, namespace, name, subresource }, transform, settled),
    created: false,
  };
}

/** PATCH of an object or its status, in any of the four forms. Server-side apply also creates. */
export function handlePatch(
  backend: Backend,
  request: ResourceRequest,
  name: string,
  subresource: Subresource,
): Written & { created: boolean } {
  const written =
    request.body.mediaType === APPLY_PATCH
      ? handleApply(backend, request, name, subresource)
      : { ...handleOrdinaryPatch(backend, request, name, subresource), created: false };
  pushAll(request.warnings, finalizerWarnings(written.object));
  return written;
}

import { scaleManagers } from '../apply/managers.ts';
import { type Decoded, decodeObject } from '../codec/decode.ts';
import { decodeStruct } from '../codec/go-decode.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import { kindStruct } from '../core-kinds/structs.ts';
import { asKubeObject } from '../meta/object-meta.ts';
import { customAgeColumn, nameColumn } from '../registry/columns.ts';
import { setValueAt, valueAt } from '../registry/field-path.ts';
import {
  asJson,
  type Column,
  keyOf,
  type Resource,
  resourceName,
  type ScalePaths,
} from '../registry/resource.ts';
import { cloneJson } from '../schema/json.ts';
import { ApiError, badRequest, internalError, notFound, staleObject } from '../status-errors.ts';
import type { JsonSchema, KubeObject, ObjectMeta } from '../types.ts';
import { type Backend, type ResourceRequest, timestamp } from './context.ts';
import { decodingWarnings, strictProblem } from './decode-object.ts';
import { type WriteOptions, writeOptions } from './options.ts';
import { APPLY_PATCH, appliedManifest, patchOf, runApply } from './patch.ts';
import { patchedObject } from './patched.ts';
import { presentObject } from './present.ts';
import { checkPlace, checkUid, currentObject, type UpdateTarget, updateObject } from './update.ts';

const count: JsonSchema = { type: 'integer', format: 'int32' };
const SCALE_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    spec: { type: 'object', properties: { replicas: count } },
    status: { type: 'object', properties: { replicas: count, selector: { type: 'string' } } },
  },
};

interface Scale {
  kind: 'Scale';
  apiVersion: 'autoscaling/v1';
  metadata: ObjectMeta;
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

const SCALE = { apiVersion: 'autoscaling/v1', kind: 'Scale' };
const SCALE_STRUCT = kindStruct('Scale', {
  spec: { name: 'ScaleSpec', fields: { replicas: 'int32' } },
  status: { name: 'ScaleStatus', fields: { replicas: 'int32', selector: 'string' }, always: ['replicas'] },
});

function numberAt(object: KubeObject, path: readonly string[]): number | undefined {
  const value = valueAt(asJson(object), path);
  return typeof value === 'number' ? value : undefined;
}

/** The Scale with who owns its replicas, as a patch finds it. */
function ownedScale(object: KubeObject, paths: ScalePaths): Scale {
  const scale = scaleOf(object, paths);
  const managedFields = scaleManagers(object.metadata.managedFields, paths.specReplicas);
  return { ...scale, metadata: { ...scale.metadata, ...(managedFields && { managedFields }) } };
}

function scaleOf(object: KubeObject, paths: ScalePaths): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.labelSelector && valueAt(asJson(object), paths.labelSelector);
  const replicas = numberAt(object, paths.specReplicas);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    // Each object in the store has them all.
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as ObjectMeta,
    spec: replicas ? { replicas } : {},
    status: {
      replicas: numberAt(object, paths.statusReplicas) ?? 0,
      ...(typeof selector === 'string' && selector !== '' ? { selector } : {}),
    },
  };
}

/** kube's refusal of a body that is no Scale, whatever is wrong with it. */
const NO_SCALE = 'no kind is registered for the type v1.Scale in scheme "pkg/runtime/scheme.go:111"';

/** The Scale that was sent whole. Throws 400 for anything that is none. */
function sentScale(request: ResourceRequest, options: WriteOptions): KubeObject {
  const { object, duplicates, repeated } = decodedScale(request);
  const { problem, unknown } = decodeStruct(object, SCALE_STRUCT);
  const { apiVersion = '', kind = '' } = object;
  const isScale =
    ['', SCALE.apiVersion].includes(String(apiVersion)) && ['', SCALE.kind].includes(String(kind));
  if (problem !== undefined || !isScale) throw badRequest(NO_SCALE);
  const odd = decodingWarnings(duplicates, unknown.toSorted(), false);
  if (strictProblem(odd, options, request.warnings, repeated) !== undefined) throw badRequest(NO_SCALE);
  return asKubeObject({ ...object, ...SCALE });
}

function decodedScale({ body }: ResourceRequest): Decoded {
  try {
    return decodeObject(body, SCALE, true);
  } catch (error) {
    if (error instanceof ApiError && error.status.code === 400) throw badRequest(NO_SCALE);
    throw error;
  }
}

/** The current Scale with a patch applied. */
function patchedScale(
  request: ResourceRequest,
  options: WriteOptions,
  present: Scale,
  name: string,
): KubeObject {
  const { body, resource } = request;
  const patch = patchOf(body.mediaType, body.bytes.toString('utf8'), resource);
  const patched = patch.apply(cloneJson(asJson(present)));
  if (isJsonObject(patched)) patched.apiVersion ||= SCALE.apiVersion;
  return patchedObject({ ...request, resource: scaleResource(resource) }, options, patched, name, patch);
}

/**
 * The current Scale with a manifest merged into it. Throws 409 for conflicts. kube fails when it changes the replicas, or takes them
 * on.
 */
function appliedScale(
  request: ResourceRequest,
  options: WriteOptions,
  present: Scale,
  now: number,
): KubeObject {
  const asScale = { ...request, resource: scaleResource(request.resource) };
  const manifest = appliedManifest(asScale, options);
  const live = present as unknown as KubeObject;
  const how = { live, applied: manifest, manifest, subresource: 'scale', now: timestamp(now) } as const;
  const merged = runApply(asScale, options, how);
  if (numberAt(manifest, ['spec', 'replicas']) === undefined) return merged;
  throw badRequest('a scale cannot be applied: patch it, or apply the object that it scales');
}

/** The object with the replicas of the Scale. Throws 409 for a Scale of an older version. */
function scaled(
  { resource, name }: UpdateTarget,
  paths: ScalePaths,
  old: KubeObject,
  wanted: KubeObject,
): KubeObject {
  const { resourceVersion } = wanted.metadata;
  if (resourceVersion) {
    if (!/^\d+$/.test(resourceVersion)) {
      const why = `strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`;
      throw new ApiError({ code: 500, message: why });
    }
    if (resourceVersion !== old.metadata.resourceVersion) throw staleObject(resourceName(resource), name);
  }
  const updated = structuredClone(old);
  setValueAt(asJson(updated), paths.specReplicas, numberAt(wanted, ['spec', 'replicas']) ?? 0);
  return updated;
}

/** A scale as a resource of its own, as far as the form of the answer needs one. */
function scaleResource(resource: Resource): Resource {
  const column = (name: string, description: string, part: 'spec' | 'status'): Column => {
    const cell: Column['cell'] = (scale) => numberAt(scale, [part, 'replicas']) ?? 0;
    return { name, type: 'integer', format: '', description, priority: 0, cell };
  };
  const columns = [
    nameColumn(),
    column('Desired', 'Number of desired replicas', 'spec'),
    column('Available', 'Number of actual replicas', 'status'),
    customAgeColumn(),
  ];
  const toStored: Resource['toStored'] = (scale) => scale;
  const type = {
    group: 'autoscaling',
    version: 'v1',
    kind: 'Scale',
    custom: false,
    struct: SCALE_STRUCT,
    schema: SCALE_SCHEMA,
  };
  return { ...resource, ...type, columns, toStored };
}

/** GET, PUT and PATCH of `scale`: the replica count in the form that autoscalers use for every kind. */
export function handleScale(backend: Backend, request: ResourceRequest, name: string): object {
  const { accept, query, resource } = request;
  const scale = writtenOrRead(backend, request, name) as unknown as KubeObject;
  return presentObject({ accept, query, resource: scaleResource(resource) }, scale, backend.now());
}

function writtenOrRead(backend: Backend, request: ResourceRequest, name: string): Scale {
  const { resource, namespace, verb } = request;
  const paths = resource.scale;
  if (paths === undefined) throw notFound(resourceName(resource), name);
  const target = { resource, namespace, name, subresource: 'scale' as const };
  if (verb === 'get') {
    const found = scaleOf(currentObject(backend, target), paths);
    const path = JSON.stringify(`.${paths.specReplicas.join('.')}`);
    if (found.spec.replicas === undefined)
      throw internalError(`the spec replicas field ${path} does not exist`);
    return found;
  }
  const isApply = request.body.mediaType === APPLY_PATCH;
  const options = writeOptions(request, isApply);
  const sent = verb === 'update' ? checkPlace(request, sentScale(request, options), name) : undefined;
  const transform = (old: KubeObject): KubeObject => {
    const present = ownedScale(old, paths);
    if (isApply) return scaled(target, paths, old, appliedScale(request, options, present, backend.now()));
    const { uid } = sent?.metadata ?? {};
    // Without the front of the path, as kube's store below the scale's knows it.
    if (uid) checkUid(resource, `/${resource.bucket}/${keyOf(resource, namespace, name)}`, old, uid);
    const wanted = sent ?? patchedScale(request, options, present, name);
    return scaled(target, paths, old, wanted);
  };
  return scaleOf(updateObject(backend, target, transform, options).object, paths);
}

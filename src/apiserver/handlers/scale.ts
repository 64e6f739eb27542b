import { decodeObject } from '../codec/decode.ts';
import { customAgeColumn, nameColumn } from '../registry/columns.ts';
import { setValueAt, valueAt } from '../registry/field-path.ts';
import { asJson, type Column, type Resource, resourceName, type ScalePaths } from '../registry/resource.ts';
import { badRequest, internalError, notFound, staleObject } from '../status-errors.ts';
import type { JsonObject, KubeObject } from '../types.ts';
import type { Backend, ResourceRequest } from './context.ts';
import { writeOptions } from './options.ts';
import { APPLY_PATCH, patchOf } from './patch.ts';
import { presentObject } from './present.ts';
import { currentObject, updateObject } from './update.ts';

interface Scale {
  kind: 'Scale';
  apiVersion: 'autoscaling/v1';
  metadata: Record<string, unknown>;
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

const SCALE = { apiVersion: 'autoscaling/v1', kind: 'Scale' };

function numberAt(object: KubeObject, path: readonly string[]): number | undefined {
  const value = valueAt(asJson(object), path);
  return typeof value === 'number' ? value : undefined;
}

function scaleOf(object: KubeObject, paths: ScalePaths): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.labelSelector && valueAt(asJson(object), paths.labelSelector);
  const replicas = numberAt(object, paths.specReplicas);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: replicas === undefined ? {} : { replicas },
    status: {
      replicas: numberAt(object, paths.statusReplicas) ?? 0,
      ...(typeof selector === 'string' && selector !== '' ? { selector } : {}),
    },
  };
}

/** The requested Scale: sent whole, or the current one with a patch applied. */
function wantedScale(request: ResourceRequest, present: Scale): JsonObject {
  const { body, verb } = request;
  if (verb === 'update') return decodeObject(body, SCALE, true).object;
  const patch = patchOf(body.mediaType, body.bytes.toString('utf8'), request.resource);
  return patch.apply(structuredClone(asJson(present))) as JsonObject;
}

function wantedReplicas(wanted: JsonObject): number {
  const replicas = valueAt(wanted, ['spec', 'replicas']) ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest('Scale in version "v1" cannot be handled as a Scale: spec.replicas must be an integer');
  }
  return replicas;
}

function checkName(wanted: JsonObject, name: string): void {
  const given = valueAt(wanted, ['metadata', 'name']) ?? name;
  if (given === name) return;
  throw badRequest(`the name of the object (${String(given)}) does not match the name on the URL (${name})`);
}

function scaled(resource: Resource, paths: ScalePaths, old: KubeObject, wanted: JsonObject): KubeObject {
  const name = old.metadata.name ?? '';
  const version = valueAt(wanted, ['metadata', 'resourceVersion']);
  if (version !== undefined && version !== '' && version !== old.metadata.resourceVersion) {
    throw staleObject(resourceName(resource), name);
  }
  const updated = structuredClone(old);
  setValueAt(asJson(updated), paths.specReplicas, wantedReplicas(wanted));
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
  return { ...resource, group: 'autoscaling', kind: 'Scale', custom: false, columns, toStored };
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
  if (isApply) throw badRequest('a scale cannot be applied: patch it, or apply the object that it scales');
  const transform = (old: KubeObject): KubeObject => {
    const wanted = wantedScale(request, scaleOf(old, paths));
    checkName(wanted, name);
    return scaled(resource, paths, old, wanted);
  };
  return scaleOf(updateObject(backend, target, transform, options).object, paths);
}

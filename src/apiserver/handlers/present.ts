import { own } from '../../base/own.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { ApiError, wrongTransform } from '../status-errors.ts';
import type { StoredObject } from '../storage/store.ts';
import { includeObjectOf, partialMetadata, tableOf } from '../table.ts';
import type { KubeObject } from '../types.ts';
import type { ResourceRequest } from './context.ts';

/** The stored object as JSON of this version; reuses the stored text where it is the same. */
export function jsonOf(resource: Resource, stored: StoredObject): string {
  const object = resource.fromStored(stored.object);
  return object === stored.object ? stored.json : JSON.stringify(object);
}

/** An item of a list. Items of built-in kinds omit apiVersion and kind, which the list's type implies. */
function itemJsonOf(resource: Resource, stored: StoredObject): string {
  if (resource.custom) return jsonOf(resource, stored);
  const head = `{"kind":"${resource.kind}","apiVersion":"${apiVersionOf(resource)}",`;
  if (stored.json.startsWith(head)) return `{${stored.json.slice(head.length)}`;
  const { apiVersion: _version, kind: _kind, ...rest } = resource.fromStored(stored.object);
  return JSON.stringify(rest);
}

/** Packages of kube's internal types, by group: errors name types by them. */
const PACKAGES: Readonly<Record<string, string>> = {
  '': 'core',
  'events.k8s.io': 'core',
  'coordination.k8s.io': 'coordination',
  'rbac.authorization.k8s.io': 'rbac',
  'apiextensions.k8s.io': 'apiextensions',
  autoscaling: 'v1',
};

/** What kube calls an object of the resource, or a list of them. */
function goType({ group, kind, custom }: Resource, suffix: '' | 'List'): string {
  return custom ? `*unstructured.Unstructured${suffix}` : `*${own(PACKAGES, group)}.${kind}${suffix}`;
}

/** The refusal of an object as a list of metadata. */
function noList(resource: Resource, wanted: string): Error {
  return resource.custom
    ? new ApiError({ code: 500, message: 'content is not a list' })
    : wrongTransform(wanted, goType(resource, ''));
}

/** One object in the requested form. */
export function presentObject(
  request: Pick<ResourceRequest, 'accept' | 'resource' | 'query'>,
  object: KubeObject,
  now: number,
): object {
  const { accept, resource, query } = request;
  const { apiVersion } = accept;
  switch (accept.as) {
    case undefined:
      return object;
    case 'PartialObjectMetadata':
      return partialMetadata(object, apiVersion);
    case 'Table': {
      const include = includeObjectOf(query);
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      return tableOf([object], { resource, include, apiVersion, now, withColumns: true }, metadata);
    }
    case 'PartialObjectMetadataList':
      throw noList(resource, accept.as);
  }
}

/** A list in the requested form. A plain list is concatenated from the JSON of its objects. */
export function presentList(
  request: Pick<ResourceRequest, 'accept' | 'resource' | 'query'>,
  items: readonly StoredObject[],
  metadata: { continue?: string },
  now: number,
): object | string {
  const { accept, resource, query } = request;
  const { apiVersion } = accept;
  const { continue: next, ...others } = metadata;
  // Only a plain list of custom resources carries an empty `continue`.
  const simple = next ? metadata : others;
  const objects = (): KubeObject[] => items.map(({ object }) => resource.fromStored(object));
  switch (accept.as) {
    case undefined: {
      // Protobuf is made of the objects, not of their text.
      if (accept.format === 'protobuf') {
        return { kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata, items: objects() };
      }
      const head = JSON.stringify({ kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata });
      return `${head.slice(0, -1)},"items":[${items.map((item) => itemJsonOf(resource, item)).join(',')}]}`;
    }
    case 'Table': {
      const form = { resource, include: includeObjectOf(query), apiVersion, now, withColumns: true };
      return tableOf(objects(), form, simple);
    }
    case 'PartialObjectMetadata':
      throw wrongTransform(accept.as, goType(resource, 'List'));
    case 'PartialObjectMetadataList': {
      const partial = objects().map((object) => partialMetadata(object, apiVersion));
      return { kind: 'PartialObjectMetadataList', apiVersion, metadata: simple, items: partial };
    }
  }
}

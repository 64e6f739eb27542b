import type { ObjectName, ResourceRef } from '../../base/object.ts';

export type QueryValue = string | number | boolean | undefined;

/**
 * The URL path of a resource (no `name`), of an object, or of an object's subresource, with its query.
 * @throws {Error} when a name cannot be one path segment, or a cluster-scoped resource is given a namespace
 */
export function resourcePath(
  ref: ResourceRef,
  target: { readonly namespace?: string; readonly name?: string; readonly subresource?: string },
  query: Readonly<Record<string, QueryValue>> = {},
): string {
  const parts = ref.group === '' ? ['api', ref.version] : ['apis', ref.group, ref.version];
  if (target.namespace !== undefined && target.namespace !== '') {
    if (!ref.namespaced) {
      throw new Error(`${ref.plural} are cluster-scoped: namespace '${target.namespace}' makes no sense`);
    }
    parts.push('namespaces', segment(target.namespace));
  }
  parts.push(ref.plural);
  if (target.name !== undefined) {
    parts.push(segment(target.name));
  }
  if (target.subresource !== undefined) {
    parts.push(target.subresource);
  }
  return `/${parts.join('/')}${queryString(query)}`;
}

/** The path of one object. It must name a namespace if its resource is namespaced, and none otherwise. */
export function objectPath(
  ref: ResourceRef,
  target: ObjectName & { readonly subresource?: string },
  query: Readonly<Record<string, QueryValue>> = {},
): string {
  if (ref.namespaced && (target.namespace === undefined || target.namespace === '')) {
    throw new Error(`${ref.kind} '${target.name}' needs a namespace`);
  }
  return resourcePath(ref, target, query);
}

function segment(value: string): string {
  if (value === '' || value === '.' || value === '..' || /[/%]/.test(value)) {
    throw new Error(`'${value}' cannot be the name of an object`);
  }
  return encodeURIComponent(value);
}

function queryString(query: Readonly<Record<string, QueryValue>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') {
      parameters.set(name, String(value));
    }
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/** What a request is about, in the terms of authorization and in those of its handler. */

import type { Attributes, User } from '../auth/types.ts';
import type { ResourceRequest } from '../handlers/context.ts';
import { findReview, type ReviewKind } from '../handlers/review-kinds.ts';
import type { RequestInfo, ResourceRequestInfo } from '../http/request-info.ts';
import type { Registry } from '../registry/registry.ts';
import { badRequest, methodNotAllowed, noSuchSubresource } from '../status-errors.ts';

type Place = Pick<ResourceRequest, 'verb' | 'resource' | 'namespace' | 'name' | 'subresource' | 'selectors'>;

/** What a user must be allowed to do to send the request. */
export function attributesOf(user: User, info: RequestInfo): Attributes {
  if (info.kind === 'path') {
    const nothing = { subresource: undefined, namespace: undefined, name: undefined };
    return { user, verb: info.verb, path: info.path, group: '', version: '', resource: '', ...nothing };
  }
  const { verb, group, version, plural, namespace, subresource } = info;
  const name = info.name || info.selectedName;
  return { user, verb, path: undefined, group, version, resource: plural, subresource, namespace, name };
}

/**
 * The kind of review that is posted to a path. A review is no object: throws 404 or 405 for paths and methods that
 * would need one.
 */
export function reviewAt(info: ResourceRequestInfo): ReviewKind | undefined {
  const { verb, group, version, plural, name, isInNamespace } = info;
  const review = findReview(group, version, plural);
  if (review === undefined) return undefined;
  if (name !== undefined || isInNamespace !== review.namespaced) throw noSuchSubresource();
  if (verb !== 'create') throw methodNotAllowed();
  if (info.namespace === '') throw badRequest('namespace is required on this type: ');
  return review;
}

/**
 * The resource and namespace of a path; undefined when the path does not fit the resource's scope. Throws 404 where that is an
 * answer of its own: in the groups of built-in kinds.
 */
export function placeOf(registry: Registry, info: ResourceRequestInfo): Place | undefined {
  const place = fittingPlace(registry, info);
  if (place === undefined && registry.hasBuiltIns(info.group, info.version)) throw noSuchSubresource();
  return place;
}

function fittingPlace(registry: Registry, info: ResourceRequestInfo): Place | undefined {
  const { verb, group, version, plural, isInNamespace, name, subresource, rest, selectors } = info;
  const resource = registry.find(group, version, plural);
  // kube-apiserver, too, reads nothing of a custom resource's path that comes after the subresource.
  if (resource === undefined || name === '' || (rest.length > 0 && !resource.custom)) return undefined;
  const namespace = isInNamespace ? info.namespace : undefined;
  if (namespace === '' || (isInNamespace && !resource.namespaced)) return undefined;
  const needsNamespace = resource.namespaced && (name !== undefined || verb === 'create');
  if (needsNamespace && !isInNamespace) return undefined;
  return { verb, resource, namespace, name, subresource, selectors };
}

import { NAMESPACES } from '../core-kinds/cluster.ts';
import type { Answer } from '../http/respond.ts';
import { resourceName } from '../registry/resource.ts';
import {
  badRequest,
  methodNotAllowed,
  noSuchSubresource,
  notFound,
  unsupportedVerb,
} from '../status-errors.ts';
import type { Backend, ResourceRequest } from './context.ts';
import { handleCreate } from './create.ts';
import { handleDelete } from './delete.ts';
import { handlePatch } from './patch.ts';
import { presentObject } from './present.ts';
import { handleGet } from './read.ts';
import { handleScale } from './scale.ts';
import { handleUpdate } from './update.ts';

/** Throws 405 for a verb that the resource does not have. */
export function checkVerb({ subresource, resource, verb }: ResourceRequest): void {
  if (subresource === undefined && !resource.verbs.includes(verb)) throw methodNotAllowed();
}

/**
 * Carries out a request for one object. Throws ApiErrors. Synchronous: nothing happens between its reads and its writes.
 */
export function answerTo(backend: Backend, request: ResourceRequest): Answer {
  checkVerb(request);
  const { verb, name } = request;
  if (name === undefined) return answerForCollection(backend, request);
  if (request.subresource !== undefined) return answerForSubresource(backend, request, name);
  const now = backend.now();
  switch (verb) {
    case 'get':
      return handleGet(backend, request, name);
    case 'update':
      return {
        code: 200,
        body: presentObject(request, handleUpdate(backend, request, name, undefined).object, now),
      };
    case 'patch': {
      const { object, created } = handlePatch(backend, request, name, undefined);
      return { code: created ? 201 : 200, body: presentObject(request, object, now) };
    }
    case 'delete':
      return handleDelete(backend, request, name);
    default:
      throw methodNotAllowed();
  }
}

function answerForCollection(backend: Backend, request: ResourceRequest): Answer {
  switch (request.verb) {
    case 'create':
      return {
        code: 201,
        body: presentObject(request, handleCreate(backend, request).object, backend.now()),
      };
    case 'update':
    case 'patch':
      throw request.resource.custom ? badRequest('name must be provided') : methodNotAllowed();
    default:
      throw methodNotAllowed();
  }
}

function answerForSubresource(backend: Backend, request: ResourceRequest, name: string): Answer {
  const { verb, subresource, resource } = request;
  const scales = subresource === 'scale' && resource.scale !== undefined;
  const finalizes = subresource === 'finalize' && resource.bucket === NAMESPACES;
  const served = scales || finalizes || (subresource === 'status' && resource.hasStatus);
  if (!served) {
    // kube routes every path of a custom resource, and then finds nothing there.
    const { group, plural } = resource;
    throw resource.definitionName === undefined
      ? notFound({ group, name: plural }, name)
      : noSuchSubresource();
  }
  const verbs = finalizes ? ['update'] : ['get', 'update', 'patch'];
  if (!verbs.includes(verb)) {
    throw resource.custom ? unsupportedVerb(resourceName(resource), verb) : methodNotAllowed();
  }
  if (scales) return { code: 200, body: handleScale(backend, request, name) };
  if (verb === 'get') return handleGet(backend, request, name);
  const write = verb === 'update' ? handleUpdate : handlePatch;
  const { object } = write(backend, request, name, finalizes ? 'finalize' : 'status');
  return { code: 200, body: presentObject(request, object, backend.now()) };
}

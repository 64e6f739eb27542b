import type { ServerResponse } from 'node:http';
import { NAMESPACES } from '../core-kinds/cluster.ts';
import type { Backend, ResourceRequest } from '../handlers/context.ts';
import { handleCreate } from '../handlers/create.ts';
import { handleDelete } from '../handlers/delete.ts';
import { handleDeleteCollection } from '../handlers/delete-collection.ts';
import { handlePatch } from '../handlers/patch.ts';
import { presentObject } from '../handlers/present.ts';
import { handleGet, handleList } from '../handlers/read.ts';
import { handleScale } from '../handlers/scale.ts';
import { handleUpdate } from '../handlers/update.ts';
import { type Answer, send, setWarnings } from '../http/respond.ts';
import { resourceName } from '../registry/resource.ts';
import {
  badRequest,
  methodNotAllowed,
  noSuchSubresource,
  notFound,
  unsupportedVerb,
} from '../status-errors.ts';
import { handleWatch, type WatchSetup } from '../watch/handle-watch.ts';

function answerTo(backend: Backend, request: ResourceRequest): Answer {
  const { verb, name, resource } = request;
  if (request.subresource === undefined && !resource.verbs.includes(verb)) throw methodNotAllowed();
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
    case 'list':
      return handleList(backend, request);
    case 'create':
      return {
        code: 201,
        body: presentObject(request, handleCreate(backend, request).object, backend.now()),
      };
    case 'deletecollection':
      return handleDeleteCollection(backend, request);
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

/** Carries out a request for a resource; answers after everything it wrote or read is durable. */
export async function dispatch(
  backend: Backend,
  watches: WatchSetup,
  request: ResourceRequest,
  response: ServerResponse,
): Promise<void> {
  const { deprecation } = request.resource;
  if (deprecation !== undefined) request.warnings.push(deprecation);
  if (request.verb === 'watch') return handleWatch(backend, watches, request, response);
  send(response, await durableAnswer(backend, request, response), request.accept.format);
}

/** The answer, once all that it says is on disk. A read that saw a write of somebody else's, which then failed, is done again. */
async function durableAnswer(
  backend: Backend,
  request: ResourceRequest,
  response: ServerResponse,
): Promise<Answer> {
  for (;;) {
    let answer: Answer;
    try {
      answer = answerTo(backend, request);
    } finally {
      // Refusals carry warnings, too.
      setWarnings(response, request.warnings);
    }
    try {
      await backend.store.committed();
      return answer;
    } catch (error) {
      if (request.verb !== 'get' && request.verb !== 'list') throw error;
    }
  }
}

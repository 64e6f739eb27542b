import type { Answer } from '../http/respond.ts';
import type { Backend, ResourceRequest } from './context.ts';
import { deleteObject, deleteOptions } from './delete.ts';
import { presentList } from './present.ts';
import { listPage } from './read.ts';

/**
 * DELETE of a collection: deletes all objects that the selectors match, or one page with a limit; answers with those
 * objects.
 */
export function handleDeleteCollection(backend: Backend, request: ResourceRequest): Answer {
  const options = deleteOptions(request);
  const { items, metadata } = listPage(backend, request);
  for (const { object } of items) {
    const { namespace, name = '' } = object.metadata;
    deleteObject(backend, request.resource, namespace, name, options);
  }
  return { code: 200, body: presentList(request, items, metadata, backend.now()) };
}

import type { Answer } from '../http/respond.ts';
import { ApiError } from '../status-errors.ts';
import { ownerCheck } from './check-owner.ts';
import type { Backend, ResourceRequest } from './context.ts';
import { type DeleteOptions, deleteObject } from './delete.ts';
import { presentList } from './present.ts';
import { listPage } from './read.ts';
import { inTurns } from './turns.ts';

/**
 * DELETE of a collection: deletes all objects that the selectors match, or one page with a limit; answers with those
 * objects. Other requests are answered meanwhile.
 */
export async function handleDeleteCollection(
  backend: Backend,
  request: ResourceRequest,
  options: DeleteOptions,
): Promise<Answer> {
  const { items, metadata } = listPage(backend, request);
  await inTurns(items, ({ object }) => {
    const { namespace, name = '' } = object.metadata;
    deleteIfThere(backend, request, { namespace, name }, options);
  });
  return { code: 200, body: presentList(request, items, metadata, backend.now()) };
}

/** As in kube, it does not matter who has deleted an object. */
function deleteIfThere(
  backend: Backend,
  request: ResourceRequest,
  { namespace, name }: { namespace: string | undefined; name: string },
  options: DeleteOptions,
): void {
  try {
    deleteObject(backend, request.resource, namespace, name, options, ownerCheck(request));
  } catch (error) {
    if (!(error instanceof ApiError) || error.status.code !== 404) throw error;
  }
}

import type { Answer } from '../http/respond.ts';
import type { Backend, ResourceRequest } from './context.ts';
import { deleteObject, deleteOptions } from './delete.ts';
import { presentList } from './present.ts';
import { continueField, select } from './read.ts';
import { selectionOf } from './selection.ts';

/** DELETE of a collection: everything the selectors find; answers with what was there. */
export function handleDeleteCollection(backend: Backend, request: ResourceRequest): Answer {
  const { resource, namespace, query } = request;
  const options = deleteOptions(request);
  const found = select(backend, request, selectionOf(resource, namespace, query, undefined));
  for (const { object } of found) {
    deleteObject(backend, resource, object.metadata.namespace, object.metadata.name ?? '', options);
  }
  const metadata = { ...continueField(resource, undefined), resourceVersion: String(backend.store.revision) };
  return { code: 200, body: presentList(request, found, metadata, backend.now()) };
}

import type { Answer } from '../http/respond.ts';
import { keyOf, type Resource, resourceName } from '../registry/resource.ts';
import { ApiError, badRequest, expired, notFound, resourceVersionTooLarge } from '../status-errors.ts';
import type { StoredObject } from '../storage/store.ts';
import type { Backend, ResourceRequest } from './context.ts';
import { listRevision, parseRevision } from './options.ts';
import { jsonOf, presentObject } from './present.ts';
import { type Selection, selectionOf } from './selection.ts';

const EXPIRED_LIST = 'The resourceVersion for the provided list is too old.';
const EXPIRED_CONTINUE =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** In a continue token: continue with the current list, as its history is compacted. */
const NOW = -1;

/** GET of one object. */
export function handleGet(backend: Backend, request: ResourceRequest, name: string): Answer {
  const { resource, namespace, accept, query } = request;
  const wanted = readDeeply(() => parseRevision(query.get('resourceVersion')));
  checkNotAhead(backend, wanted);
  const stored = backend.store.get(resource.bucket, keyOf(resource, namespace, name));
  if (stored === undefined) throw notFound(resourceName(resource), name);
  if (accept.as === undefined) return { code: 200, body: jsonOf(resource, stored) };
  return { code: 200, body: presentObject(request, resource.fromStored(stored.object), backend.now()) };
}

/**
 * kube parses the resourceVersion of a get or a watch in a deeper layer than that of a list; a malformed one gives a
 * different error there.
 */
export function readDeeply<Read>(read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status.code !== 400) throw error;
    throw new ApiError({ code: 500, message: error.message.replace('invalid resource version: ', '') });
  }
}

function checkNotAhead(backend: Backend, wanted: number | undefined): void {
  const { revision } = backend.store;
  if (wanted !== undefined && wanted > revision) throw resourceVersionTooLarge(wanted, revision);
}

/** A continue token: the revision of the first page, and the last key sent. */
interface Continue {
  revision: number;
  after: string;
}

function encodeContinue({ revision, after }: Continue): string {
  const token = { v: 'meta.k8s.io/v1', rv: revision, start: `${after}\u0000` };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function decodeContinue(token: string): Continue {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as Record<
      string,
      unknown
    >;
    if (v === 'meta.k8s.io/v1' && typeof rv === 'number' && typeof start === 'string') {
      return { revision: rv, after: start.slice(0, -1) };
    }
  } catch {
    throw badRequest('invalid continue token: continue key is not valid: it is not a token of this server');
  }
  throw badRequest('invalid continue token: continue key is not valid: it holds no position');
}

interface Page {
  items: StoredObject[];
  revision: number;
  after: string | undefined;
}

/** The objects to select from, and their revision. */
function source(backend: Backend, request: ResourceRequest, selection: Selection): Page {
  const { resource, query } = request;
  const { store } = backend;
  const token = query.get('continue');
  const { revision, match } = listRevision(query, false);
  if (token) {
    if (revision !== undefined)
      throw badRequest('specifying resource version is not allowed when using continue');
    const { revision: begun, after } = decodeContinue(token);
    const at = begun === NOW ? store.revision : begun;
    const items = store.listAt(resource.bucket, selection.prefix, at);
    if (items === undefined || at > store.revision) {
      throw expired(EXPIRED_CONTINUE, { continue: encodeContinue({ revision: NOW, after }) });
    }
    return { items: items.filter(({ key }) => key > after), revision: at, after };
  }
  checkNotAhead(backend, revision);
  const paged = query.get('limit') !== null && query.get('limit') !== '0';
  if (revision !== undefined && (match === 'Exact' || (match === undefined && paged))) {
    const items = store.listAt(resource.bucket, selection.prefix, revision);
    if (items === undefined) throw expired(EXPIRED_LIST);
    return { items, revision, after: undefined };
  }
  return { items: store.list(resource.bucket, selection.prefix), revision: store.revision, after: undefined };
}

/** The integer in a query's parameter, 0 without one. Throws 400. */
function integerOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '';
  if (text !== '' && !Number.isInteger(Number(text))) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

/** Reads the numbers of a list or watch: how many objects it may have. Throws 400 for what is no number. */
export function limitOf(query: URLSearchParams): number {
  integerOf(query, 'timeoutSeconds');
  const limit = integerOf(query, 'limit');
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

/** All current objects that a selection matches. */
export function select(backend: Backend, request: ResourceRequest, selection: Selection): StoredObject[] {
  const { resource } = request;
  const { matches } = selection;
  const all = backend.store.list(resource.bucket, selection.prefix);
  return matches === undefined ? all : all.filter(({ object }) => matches(object));
}

/** The last page has an empty `continue` for custom resources, and none for built-in kinds. */
function continueField(resource: Resource, next: Continue | undefined): { continue?: string } {
  if (next !== undefined) return { continue: encodeContinue(next) };
  return resource.custom ? { continue: '' } : {};
}

/** One page of a list: its objects and the list's metadata. */
export function listPage(
  backend: Backend,
  request: ResourceRequest,
): { items: StoredObject[]; metadata: object } {
  const { resource, query } = request;
  const selection = selectionOf(request);
  const limit = limitOf(query);
  const { items, revision } = source(backend, request, selection);
  const { matches } = selection;
  const found = matches === undefined ? items : items.filter(({ object }) => matches(object));
  const page = found.length > limit ? found.slice(0, limit) : found;
  const left = found.length - page.length;
  const metadata = {
    resourceVersion: String(revision),
    ...continueField(resource, left > 0 ? { revision, after: page.at(-1)?.key ?? '' } : undefined),
    // With selectors kube does not know the remaining count and omits it.
    ...(left > 0 && matches === undefined ? { remainingItemCount: left } : {}),
  };
  return { items: page, metadata };
}

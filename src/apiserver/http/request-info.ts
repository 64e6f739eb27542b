import { exactValue } from '../selectors/field-selector.ts';
import { type Selectors, selectorsOf } from '../selectors/selectors.ts';
import { ApiError, badRequest } from '../status-errors.ts';

/** A request for something that is no resource: discovery, probes, the version. */
export interface PathRequest {
  readonly kind: 'path';
  /** The HTTP method in lower case. */
  readonly verb: string;
  /** As sent, without escapes. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** A request for a resource, which need not exist. */
export interface ResourceRequestInfo {
  readonly kind: 'resource';
  /** '' for a method that kube-apiserver does not know. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Undefined at the cluster scope. Of a namespace itself: its own name, by which roles in it hold. */
  readonly namespace: string | undefined;
  /** Whether the path lies in that namespace, as the path of the namespace itself does not. */
  readonly isInNamespace: boolean;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** Segments after the subresource, of which kube's own kinds have none. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
  /** Of list, watch and deletecollection; the error is for those who may send the request at all. */
  readonly selectors: Selectors | ApiError;
  /** The single name to which the selector narrows a list or watch: those with rights to that object alone may send it. */
  readonly selectedName: string | undefined;
}

/** What a request is about. Authorization and the handler both read this, and nothing else of the URL. */
export type RequestInfo = PathRequest | ResourceRequestInfo;

const NAMESPACE_SUBRESOURCES = ['status', 'finalize'];

const VERBS: ReadonlyMap<string, string> = new Map([
  ['GET', 'get'],
  ['HEAD', 'get'],
  ['POST', 'create'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);

/** Path and query of a request target, which proxies' clients send with scheme and host. */
function partsOf(target: string): { path: string; query: string } {
  const bare = target.replace(/^https?:\/\/[^/?]*/i, '');
  const end = bare.indexOf('?');
  return end === -1 ? { path: bare, query: '' } : { path: bare.slice(0, end), query: bare.slice(end + 1) };
}

/** The path without escapes, which may hide slashes; undefined when an escape is malformed. */
function unescapedPath(path: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(path)) return undefined;
  const bytes = path.replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  // Node reads a request's head as latin1: a character is a byte.
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Group, version and the segments after them; undefined for other paths. */
function apiPath(path: string): { group: string; version: string; parts: readonly string[] } | undefined {
  // A pattern for the slashes at the end would look for them from every slash on.
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  const [root, ...rest] = path.slice(1, end).split('/');
  if (root === 'api' && rest.length >= 2) return { group: '', version: rest[0] ?? '', parts: rest.slice(1) };
  if (root !== 'apis' || rest.length < 3) return undefined;
  return { group: rest[0] ?? '', version: rest[1] ?? '', parts: rest.slice(2) };
}

/** `/namespaces/x` and `/namespaces/x/status` are the namespace itself; anything longer is in it. */
function scopeOf(
  parts: readonly string[],
): Pick<ResourceRequestInfo, 'namespace' | 'isInNamespace'> & { own: readonly string[] } {
  const [first, namespace, third] = parts;
  if (first !== 'namespaces') return { namespace: undefined, isInNamespace: false, own: parts };
  const isInNamespace = third !== undefined && !NAMESPACE_SUBRESOURCES.includes(third);
  return { namespace, isInNamespace, own: isInNamespace ? parts.slice(2) : parts };
}

/** The selectors of a collection's query, and the name that they narrow a list or watch to. */
function selection(
  query: URLSearchParams,
  narrows: boolean,
): Pick<ResourceRequestInfo, 'selectors' | 'selectedName'> {
  try {
    const selectors = selectorsOf(query);
    const name = exactValue(selectors.fields, 'metadata.name');
    const isNarrow = narrows && name !== undefined && isSegment(name) && hasWholeNumbers(query);
    return { selectors, selectedName: isNarrow ? name : undefined };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { selectors: error, selectedName: undefined };
  }
}

/** Whether the text can be the name of an object: one segment of a path. */
function isSegment(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/%]/.test(name);
}

/** kube-apiserver selects by no name when it cannot read the other options. */
function hasWholeNumbers(query: URLSearchParams): boolean {
  return ['limit', 'timeoutSeconds'].every((option) => /^([+-]?\d+)?$/.test(query.get(option) ?? ''));
}

const NO_SELECTION = { selectors: { labels: undefined, fields: [] }, selectedName: undefined };

/**
 * Reads what a request is about from its method and target, as k8s.io/apiserver's RequestInfoFactory does. Throws 400 for a target
 * with malformed escapes.
 */
export function requestInfo(method: string, target: string): RequestInfo {
  const { path: escaped, query: text } = partsOf(target);
  const path = unescapedPath(escaped);
  if (path === undefined) throw badRequest(`invalid escape in the path ${JSON.stringify(escaped)}`);
  const query = new URLSearchParams(text);
  const api = apiPath(path);
  if (api === undefined) return { kind: 'path', verb: method.toLowerCase(), path, query };
  const { group, version, parts } = api;
  const { own, ...scope } = scopeOf(parts);
  const [plural = '', name, subresource, ...rest] = own;
  const where = { group, version, plural, ...scope, name, subresource, rest };
  const verb = VERBS.get(method) ?? '';
  if (name) return { kind: 'resource', verb, ...where, query, ...NO_SELECTION };
  const ofCollection = collectionVerb(verb, query);
  const isRead = ofCollection === 'list' || ofCollection === 'watch';
  const selected = isRead || ofCollection === 'deletecollection' ? selection(query, isRead) : NO_SELECTION;
  return { kind: 'resource', verb: ofCollection, ...where, query, ...selected };
}

function collectionVerb(verb: string, query: URLSearchParams): string {
  if (verb === 'get') return isTrue(query.get('watch')) ? 'watch' : 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

/** Whether Kubernetes reads a query parameter as true: `watch`, `watch=1`, `watch=no`, but not `watch=false`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value.toLowerCase() !== 'false' && value !== '0';
}

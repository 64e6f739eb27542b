import type { IncomingMessage } from 'node:http';

/** The header Accept. Of several, Go reads the first only. */
export function acceptOf(request: IncomingMessage): string | undefined {
  return request.headersDistinct.accept?.[0];
}

/** The parsed path of a request; the resource need not exist. */
export type PathInfo =
  | { kind: 'path'; path: string }
  | {
      kind: 'resource';
      group: string;
      version: string;
      plural: string;
      namespace: string | undefined;
      name: string | undefined;
      subresource: string | undefined;
    };

const NAMESPACE_SUBRESOURCES = ['status', 'finalize'];

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function resourcePath(group: string, version: string, rest: string[]): PathInfo | undefined {
  let namespace: string | undefined;
  let parts = rest;
  const [first, second, third] = rest;
  if (first === 'namespaces' && second !== undefined) {
    // /namespaces/x and /namespaces/x/status are the namespace itself; anything longer is in it.
    namespace = second;
    if (third !== undefined && !NAMESPACE_SUBRESOURCES.includes(third)) parts = rest.slice(2);
  }
  const [plural, name, subresource, ...more] = parts;
  if (plural === undefined || more.length > 0) return undefined;
  return { kind: 'resource', group, version, plural, namespace, name, subresource };
}

/** Parses a URL's path; undefined when it is not a path of the API. */
export function parsePath(pathname: string): PathInfo | undefined {
  const raw = pathname.split('/').filter((segment) => segment !== '');
  const segments = raw.map(decoded).filter((segment) => segment !== undefined);
  if (segments.length !== raw.length) return undefined;
  const [root, ...rest] = segments;
  if (root === 'api' && rest.length >= 2) return resourcePath('', rest[0] ?? '', rest.slice(1));
  if (root === 'apis' && rest.length >= 3) return resourcePath(rest[0] ?? '', rest[1] ?? '', rest.slice(2));
  return { kind: 'path', path: `/${segments.join('/')}` };
}

const VERBS: Readonly<Record<string, readonly [withName: string | undefined, without: string | undefined]>> =
  {
    GET: ['get', 'list'],
    HEAD: ['get', 'list'],
    POST: ['create', 'create'],
    PUT: ['update', undefined],
    PATCH: ['patch', undefined],
    DELETE: ['delete', 'deletecollection'],
  };

/** The API verb of an HTTP request; undefined for an unsupported method. */
export function verbOf(method: string, name: string | undefined, watch: boolean): string | undefined {
  const verb = VERBS[method]?.[name === undefined ? 1 : 0];
  return watch && verb === 'list' ? 'watch' : verb;
}

/** Whether Kubernetes reads a query parameter as true: `watch`, `watch=1`, `watch=true`. */
export function isTrue(value: string | null): boolean {
  return value !== null && !['false', '0', 'no'].includes(value.toLowerCase());
}

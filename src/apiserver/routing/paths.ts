import { createHash } from 'node:crypto';
import { discover, type Served } from '../discovery/discovery.ts';
import type { OpenApiDocuments } from '../discovery/openapi-documents.ts';
import { discoveryFormat, requireJson, wantsAggregatedDiscovery } from '../http/negotiate.ts';
import { acceptOf } from '../http/request-info.ts';
import { send, sendText } from '../http/respond.ts';
import type { Registry } from '../registry/registry.ts';
import type { PathHandler } from './router.ts';

/** The Kubernetes release whose behaviour this server follows, marked as Coppice's. */
const VERSION = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3+coppice',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

const PROBES = ['healthz', 'livez', 'readyz'];
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** A path without the slash that may end it. */
function withoutEnd(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Probes and version, for anyone. `isReady` is false while the server starts or stops. */
export function openPaths(isReady: () => boolean): PathHandler {
  return (request, response, { verb, path: sent }) => {
    if (verb !== 'get' && verb !== 'head') return false;
    const path = withoutEnd(sent);
    if (path === '/version') {
      requireJson(acceptOf(request));
      send(response, { code: 200, body: VERSION });
      return true;
    }
    if (!PROBES.includes(path.split('/')[1] ?? '')) return false;
    const failed = path.startsWith('/readyz') && !isReady();
    sendText(response, failed ? 500 : 200, failed ? 'not ready' : 'ok');
    return true;
  };
}

/** Whether kube's router stands before the path: lists of groups, and what concerns definitions, have other handlers. */
function isRouted(registry: Registry, path: string): boolean {
  const [, root, group, version] = path.split('/');
  if (root === 'api') return true;
  return version !== undefined && !registry.all().some((one) => one.custom && one.group === group);
}

/** All paths that name no resource, for `GET /`. */
function rootPaths(served: Served): string[] {
  const list = discover(served, '/apis', false) as {
    groups: { name: string; versions: { version: string }[] }[];
  };
  const groups = list.groups.flatMap(({ name, versions }) => [
    `/apis/${name}`,
    ...versions.map(({ version }) => `/apis/${name}/${version}`),
  ]);
  const probes = PROBES.map((probe) => `/${probe}`);
  const others = ['/api', '/api/v1', '/apis', '/apis/', '/openapi/v2', '/openapi/v3', '/version'];
  return [...groups, ...probes, ...others].sort();
}

/** Discovery and the OpenAPI documents. */
export function discoveryPaths(served: Served, documents: OpenApiDocuments): PathHandler {
  const { registry } = served;
  return (request, response, { path: sent, query }) => {
    const path = withoutEnd(sent);
    if (sent === '/' || sent === '/index.html') {
      send(response, { code: 200, body: { paths: rootPaths(served) } });
      return true;
    }
    if (path.startsWith('/openapi/')) return documents.serve(request, response, path, query);
    const isRoot = path === '/api' || path === '/apis';
    const aggregated = isRoot && wantsAggregatedDiscovery(acceptOf(request));
    const body = discover(served, path, aggregated);
    if (body === undefined) return false;
    if (!aggregated) {
      send(response, { code: 200, body }, discoveryFormat(acceptOf(request), isRouted(registry, path)));
      return true;
    }
    const json = JSON.stringify(body);
    const etag = `"${createHash('sha512').update(json).digest('hex').toUpperCase()}"`;
    const headers = { ETag: etag, Vary: 'Accept', 'Cache-Control': 'public' };
    if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
    else send(response, { code: 200, body: json, headers: { ...headers, 'Content-Type': AGGREGATED } });
    return true;
  };
}

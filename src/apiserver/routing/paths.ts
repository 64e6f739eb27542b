import { createHash } from 'node:crypto';
import { discover } from '../discovery/discovery.ts';
import type { OpenApiDocuments } from '../discovery/openapi-documents.ts';
import { wantsAggregatedDiscovery } from '../http/negotiate.ts';
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
  return (_request, response, { verb, path: sent }) => {
    if (verb !== 'get' && verb !== 'head') return false;
    const path = withoutEnd(sent);
    if (path === '/version') {
      send(response, { code: 200, body: VERSION });
      return true;
    }
    if (!PROBES.includes(path.split('/')[1] ?? '')) return false;
    const failed = path.startsWith('/readyz') && !isReady();
    sendText(response, failed ? 500 : 200, failed ? 'not ready' : 'ok');
    return true;
  };
}

/** Discovery and the OpenAPI documents. */
export function discoveryPaths(registry: Registry, documents: OpenApiDocuments): PathHandler {
  return (request, response, { path: sent, query }) => {
    const path = withoutEnd(sent);
    if (path.startsWith('/openapi/')) return documents.serve(request, response, path, query);
    const isRoot = path === '/api' || path === '/apis';
    const aggregated = isRoot && wantsAggregatedDiscovery(request.headers.accept);
    const body = discover(registry, path, aggregated);
    if (body === undefined) return false;
    if (!aggregated) {
      send(response, { code: 200, body });
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

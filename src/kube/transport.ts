import { createHash } from 'node:crypto';
import type { AgentOptions, RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { abortable } from './abort.ts';
import { ApiError } from './api-error.ts';
import type { Clock } from './clock.ts';

/** How long credentials and certificates read from files are used before they are read again. */
const credentialLifeMs = 10_000;

/** Less than the idle time-outs of API servers and the balancers before them: a write on a connection that they are closing fails. */
const keepAliveMs = 30_000;

/** Ordinary requests share this many connections; each watch has one of its own. */
const requestConnections = 16;

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, below the server's base path. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isWatch?: boolean;
  readonly signal: AbortSignal;
}

export interface TransportAnswer {
  readonly status: number;
  /** The value of a header, by its lower-case name. */
  header(name: string): string | undefined;
  readonly body: AsyncIterable<Buffer> & { text(): Promise<string> };
}

/** Connections to one API server: TLS, authentication, proxies and keep-alive; nothing of Kubernetes' protocol. */
export interface Transport {
  /** Resolves once the answer's headers are there, whatever its status; rejects with an ApiError of status 0. */
  open(request: TransportRequest): Promise<TransportAnswer>;
  /** Makes the next request read credentials and certificates again. */
  refreshCredentials(): void;
  /** Makes the next request use new connections: those that are open may be dead without saying so. */
  reconnect(): void;
  /** Ends every connection; requests under way fail. */
  close(): Promise<void>;
}

interface Connections {
  readonly fingerprint: string;
  readonly requests: Dispatcher;
  readonly watches: Dispatcher;
}

interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: Connections;
}

/** Connects to the current context's cluster of `kubeConfig`, as its current user. */
export function createTransport(kubeConfig: KubeConfig, clock: Clock, userAgent: string): Transport {
  let credentials: Promise<Credentials> | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let connections: Connections | undefined;
  /** Replaced, but with requests under way. */
  const retired = new Set<Connections>();
  const server = serverUrl(kubeConfig);

  const retire = () => {
    const old = connections;
    connections = undefined;
    if (old !== undefined) {
      retired.add(old);
      void Promise.allSettled([old.requests.close(), old.watches.close()]).then(() => retired.delete(old));
    }
  };
  const read = async (): Promise<Credentials> => {
    const options: RequestOptions = { headers: {} };
    await kubeConfig.applyToHTTPSOptions(options);
    const fingerprint = fingerprintOf(options);
    if (connections?.fingerprint !== fingerprint) {
      retire();
    }
    connections ??= connect(kubeConfig, options, fingerprint);
    return { headers: headersOf(options), connections };
  };
  const current = (): Promise<Credentials> => {
    if (credentials === undefined || clock.monotonic() - readAtMs > credentialLifeMs) {
      readAtMs = clock.monotonic();
      credentials = read();
      credentials.catch(() => {
        credentials = undefined;
      });
    }
    return credentials;
  };

  return {
    open: async (wanted) => {
      try {
        const { headers, connections: pools } = await abortable(current(), wanted.signal);
        return await open(server, wanted, { ...headers, 'user-agent': userAgent }, pools);
      } catch (error) {
        throw wanted.signal.aborted ? wanted.signal.reason : unreachable(server, wanted, error);
      }
    },
    refreshCredentials: () => {
      credentials = undefined;
    },
    reconnect: () => {
      credentials = undefined;
      retire();
    },
    close: async () => {
      const all = [...retired, ...(connections === undefined ? [] : [connections])];
      await Promise.all(all.flatMap(({ requests, watches }) => [requests.destroy(), watches.destroy()]));
    },
  };
}

async function open(
  server: URL,
  wanted: TransportRequest,
  headers: Readonly<Record<string, string>>,
  pools: Connections,
): Promise<TransportAnswer> {
  const basePath = server.pathname.replace(/\/$/, '');
  const answer = await request(`${server.origin}${basePath}${wanted.path}`, {
    dispatcher: wanted.isWatch === true ? pools.watches : pools.requests,
    method: wanted.method,
    headers: { ...headers, ...wanted.headers },
    body: wanted.body ?? null,
    signal: wanted.signal,
    // Deadlines are the caller's, by the signal: undici's own would cut quiet watches.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    status: answer.statusCode,
    header: (name) => {
      const value = answer.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body: answer.body,
  };
}

function serverUrl(kubeConfig: KubeConfig): URL {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) {
    throw new Error(
      `the kubeconfig has no cluster for its current context '${kubeConfig.getCurrentContext()}'`,
    );
  }
  if (!URL.canParse(cluster.server)) {
    throw new Error(
      `the kubeconfig's cluster '${cluster.name}' has no valid server URL: '${cluster.server}'`,
    );
  }
  return new URL(cluster.server);
}

function connect(kubeConfig: KubeConfig, options: RequestOptions, fingerprint: string): Connections {
  const { ca, cert, key, rejectUnauthorized, servername } = options;
  const tls: AgentOptions = { ca, cert, key, rejectUnauthorized, servername };
  const wanted = kubeConfig.createDispatcherOptions(kubeConfig.getCurrentCluster(), tls);
  const make = (limit: { connections?: number }): Dispatcher => {
    // One connection per watch, and none shared by HTTP/2 streams: a connection that hangs stops only itself.
    const common = {
      allowH2: false,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      ...limit,
    };
    switch (wanted.type) {
      case 'proxy':
        return new ProxyAgent({ ...common, uri: wanted.uri, requestTls: wanted.requestTls });
      case 'socks':
        throw new Error(`the kubeconfig names the proxy ${wanted.uri}, but SOCKS proxies are not supported`);
      case 'agent':
        return new Agent({ ...common, connect: wanted.connect });
      case 'none':
        return new Agent(common);
    }
  };
  return { fingerprint, requests: make({ connections: requestConnections }), watches: make({}) };
}

function fingerprintOf(options: RequestOptions): string {
  const hash = createHash('sha256');
  for (const part of [options.ca, options.cert, options.key, options.servername]) {
    hash.update(part === undefined ? 'none' : Buffer.isBuffer(part) ? part : String(part)).update('\0');
  }
  return hash.update(String(options.rejectUnauthorized)).digest('hex');
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) {
      headers[name.toLowerCase()] = String(value);
    }
  }
  if (typeof options.auth === 'string') {
    headers.authorization ??= `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}

function unreachable(server: URL, wanted: TransportRequest, error: unknown): ApiError {
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError({
    status: 0,
    reason: 'Unreachable',
    message: `${wanted.method} ${wanted.path}: no answer from ${server.origin}: ${message || 'failed'}${code}`,
    cause: error,
  });
}

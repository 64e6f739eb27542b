import type { Readable } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import { orAborted } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import { fencedBody } from '../../base/fenced-body.ts';
import { type Dispatcher, send } from '../../base/http.ts';
import { own } from '../../base/own.ts';
import { ApiError } from '../api-error.ts';
import { createLiveness, type Exchange } from './liveness.ts';
import { type Access, Pools } from './pools.ts';

/** The media type of what the API server reads and answers, unless a request says otherwise. */
export const JSON_TYPE = 'application/json';

/** Callers set deadlines by their signals; undici's own timeouts would end quiet watches. */
const noTimeouts = { headersTimeout: 0, bodyTimeout: 0 };

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, below the server's base path. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Called just before a request with a body is written to its connection; if it throws, nothing is sent. */
  readonly beforeSend?: () => void;
  readonly isWatch?: boolean;
  readonly signal: AbortSignal;
}

export interface TransportAnswer {
  readonly status: number;
  /** The value of a header, by its lower-case name. */
  header(name: string): string | undefined;
  readonly body: AsyncIterable<Buffer> & { text(): Promise<string> };
}

/** Connections to one API server: TLS, authentication, proxies and keep-alive. It knows nothing of Kubernetes' protocol. */
export interface Transport {
  /** Resolves when the answer's headers have arrived, whatever its status; rejects with an ApiError of status 0. */
  open(request: TransportRequest): Promise<TransportAnswer>;
  /** Makes the next request read credentials and certificates again. */
  refreshCredentials(): void;
  /**
   * Call it when a request or a watch timed out. New requests use new connections. The old ones are probed, and if the server
   * does not answer there any more, everything that still waits on them fails, watches too.
   */
  suspect(): void;
  /** Ends every connection. Requests under way fail. */
  close(): Promise<void>;
}

/** The cheapest request, and exempt from priority and fairness: an overloaded API server answers it, too. */
const probePath = '/livez';

/**
 * Connects to the current context's cluster of `kubeConfig`, as its current user.
 * @param onDead called with the reason when the server does not answer on its connections any more, and all are ended
 */
export function createTransport(
  kubeConfig: KubeConfig,
  clock: Clock,
  userAgent: string,
  onDead: (reason: unknown) => void,
): Transport {
  const pools = new Pools(kubeConfig, clock);
  const server = serverUrl(kubeConfig);
  const probed = new WeakSet<Dispatcher>();
  const liveness = createLiveness({
    clock,
    probe: (signal) => sendProbe(server, pools.last, userAgent, signal),
    onDead: (reason) => {
      onDead(reason);
      void pools.destroy(new Error('the server does not answer on this connection any more'));
    },
  });
  return {
    open: async (wanted) => {
      const exchange = liveness.follow();
      try {
        const access = await orAborted(pools.access(), wanted.signal);
        const { probe } = access.connections;
        if (wanted.isWatch === true && !probed.has(probe)) {
          // Opens the probe's connection while the others work: one that is opened only when they are dead proves nothing.
          probed.add(probe);
          liveness.suspect();
        }
        return await open(server, wanted, access, userAgent, exchange);
      } catch (error) {
        exchange.ended();
        throw wanted.signal.aborted ? wanted.signal.reason : unreachable(server, wanted, error);
      }
    },
    refreshCredentials: () => pools.refreshCredentials(),
    suspect: () => {
      pools.renewRequests();
      liveness.suspect();
    },
    close: async () => {
      liveness.close();
      await pools.close();
    },
  };
}

async function open(
  server: URL,
  wanted: TransportRequest,
  { connections, headers }: Access,
  userAgent: string,
  exchange: Exchange,
): Promise<TransportAnswer> {
  const dispatcher = wanted.isWatch === true ? connections.watches : connections.requests;
  const answer = await send(dispatcher, urlOf(server, wanted.path), {
    method: wanted.method,
    headers: { ...headers, 'user-agent': userAgent, ...wanted.headers, ...lengthOf(wanted.body) },
    body: bodyOf(wanted),
    signal: wanted.signal,
    ...noTimeouts,
  });
  exchange.heard();
  answer.body.on('close', () => exchange.ended());
  return {
    status: answer.statusCode,
    header: (name) => {
      const value = own(answer.headers, name);
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body: {
      [Symbol.asyncIterator]: () => listen(answer.body, exchange),
      text: () => answer.body.text(),
    },
  };
}

function lengthOf(body: string | undefined): Readonly<Record<string, string>> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}

function bodyOf({ body, beforeSend }: TransportRequest): string | Readable | null {
  if (body === undefined) return null;
  return beforeSend === undefined ? body : fencedBody(body, beforeSend);
}

async function* listen(body: AsyncIterable<Buffer>, exchange: Exchange): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    exchange.heard();
    yield chunk;
  }
}

/** Resolves when any answer has come, or at once when no connection is open. */
async function sendProbe(
  server: URL,
  access: Access | undefined,
  userAgent: string,
  signal: AbortSignal,
): Promise<void> {
  if (access === undefined) return;
  const { body } = await send(access.connections.probe, urlOf(server, probePath), {
    headers: { ...access.headers, 'user-agent': userAgent },
    signal,
    ...noTimeouts,
  });
  await body.text();
}

function urlOf(server: URL, path: string): string {
  return `${server.origin}${server.pathname.replace(/\/$/, '')}${path}`;
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
      `the kubeconfig's cluster '${cluster.name}' has no valid server URL: correct it, as in https://10.0.0.1:6443`,
    );
  }
  return new URL(cluster.server);
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

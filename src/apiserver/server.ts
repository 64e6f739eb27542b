import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { LongWork } from './aside/long-work.ts';
import { authenticator, tokenLookup } from './auth/authenticate.ts';
import { RbacPolicy } from './auth/rbac/policy.ts';
import type { TokenUser } from './auth/types.ts';
import { bootstrap, publishTrust } from './bootstrap.ts';
import { ControllerManager } from './controllers/controller-manager.ts';
import { builtInKinds } from './core-kinds/built-in.ts';
import { OpenApiDocuments } from './discovery/openapi-documents.ts';
import type { Extension } from './extension/pass-on.ts';
import type { Backend } from './handlers/context.ts';
import { Connections } from './http/connections.ts';
import { asksForWebSocket, UpgradedResponse } from './http/web-socket.ts';
import { nameSuffix } from './meta/names.ts';
import { Registry } from './registry/registry.ts';
import { discoveryPaths, openPaths } from './routing/paths.ts';
import { Router, type ServerState } from './routing/router.ts';
import { DurableStore } from './storage/durable-store.ts';
import { SqliteFile } from './storage/sqlite.ts';
import type { KubeObject } from './types.ts';
import { WatchHub } from './watch/watch-hub.ts';

/** Options of the embedded API server. */
export interface ApiServerOptions {
  /** The SQLite file, created if missing; `:memory:` persists nothing. */
  storagePath: string;
  /** Port 0 selects a free port. */
  listen: { host: string; port: number };
  /** PEM. Client certificates are checked against `clientCa`. */
  tls: { key: string; cert: string; clientCa: string };
  tokens: readonly TokenUser[];
  /** CustomResourceDefinitions to serve in addition to those that clients create. */
  crds: readonly KubeObject[];
  /** ClusterRoles to have in addition to kube's default ones; changes of them are undone at the next start. */
  clusterRoles?: readonly KubeObject[];
  /** The operator, which serves an appliance's streams behind this server; without it there are none. */
  extension?: Extension;
  /** The time, in milliseconds since the epoch; defaults to the system's clock. */
  clock?: () => number;
  /** How much history watches can resume from; defaults to 10,000 changes of the last 10 minutes. */
  history?: { maxChanges?: number; maxAgeMs?: number };
  /** Milliseconds between the bookmarks of a watch; defaults to a minute. */
  bookmarkIntervalMs?: number;
  log: Logger;
}

/** A running server. */
export interface ApiServer {
  /** `https://127.0.0.1:6443` */
  readonly url: string;
  readonly port: number;
  /** Uses these certificates from the next connection on. Open connections stay. */
  renewTls(tls: ApiServerOptions['tls']): Promise<void>;
  /** Ends watches, lets requests in progress finish, closes connections and the storage. */
  close(): Promise<void>;
}

interface Parts {
  readonly backend: Backend;
  readonly policy: RbacPolicy;
  readonly hub: WatchHub;
  readonly controllers: ControllerManager;
  readonly longWork: LongWork;
  readonly server: Server;
  readonly connections: Connections;
  state: ServerState;
}

const DEFAULT_HISTORY = { maxChanges: 10_000, maxAgeMs: 10 * 60 * 1000 };
const DEFAULT_BOOKMARK_INTERVAL_MS = 60 * 1000;
/** As Go's servers have it: the words of a program to run in a guest are in the URL. */
const MAX_HEADER_BYTES = 1024 * 1024;
const CLOSE_GRACE_MS = 5000;

function openBackend(options: ApiServerOptions): Pick<Parts, 'backend' | 'policy'> {
  const { storagePath, clock = Date.now, history, log } = options;
  if (storagePath !== ':memory:') mkdirSync(dirname(storagePath), { recursive: true, mode: 0o700 });
  const limits = { ...DEFAULT_HISTORY, ...history };
  const store = new DurableStore(new SqliteFile(storagePath), limits, clock, (error) => {
    log.error({ err: error }, 'writes failed and were undone');
  });
  const registry = new Registry();
  const policy = new RbacPolicy(store);
  registry.add(builtInKinds(policy));
  return { backend: { store, registry, now: clock, newUid: randomUUID, nameSuffix }, policy };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Lets answers in progress finish, then closes all connections. */
async function closeServer(server: Server, connections: Connections): Promise<void> {
  await connections.drain(CLOSE_GRACE_MS);
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function newHttpsServer(tls: ApiServerOptions['tls']): Server {
  // Authentication refuses invalid certificates with a 401 that says so; the handshake accepts them.
  const client = { requestCert: true, rejectUnauthorized: false };
  const server = createServer({
    ...contextOf(tls),
    ...client,
    maxHeaderSize: MAX_HEADER_BYTES,
    shouldUpgradeCallback: asksForWebSocket,
  });
  // Watches and clients' idle connections must outlive Node's default time-outs.
  server.keepAliveTimeout = 3 * 60 * 1000;
  server.requestTimeout = 60 * 1000;
  return server;
}

function contextOf({ key, cert, clientCa }: ApiServerOptions['tls']) {
  return { key, cert, ca: clientCa, minVersion: 'TLSv1.2' } as const;
}

function newRouter(
  options: ApiServerOptions,
  { backend, policy, hub, longWork }: Pick<Parts, 'backend' | 'policy' | 'hub' | 'longWork'>,
  state: () => ServerState,
): Router {
  const { tokens, extension, log, bookmarkIntervalMs = DEFAULT_BOOKMARK_INTERVAL_MS } = options;
  const lookUpToken = tokenLookup(tokens);
  return new Router({
    backend,
    watches: { hub, bookmarkInterval: bookmarkIntervalMs, random: Math.random },
    authenticate: authenticator(lookUpToken),
    authorize: policy.authorize,
    reviewer: { policy, lookUpToken },
    longWork,
    state,
    openPaths: openPaths(() => state() === 'ready'),
    paths: discoveryPaths(
      { registry: backend.registry, hasExtension: extension !== undefined },
      new OpenApiDocuments(backend.registry),
    ),
    extension,
    log,
  });
}

/** Assembles a server's parts without starting them. */
function assemble(options: ApiServerOptions): Parts {
  const { backend, policy } = openBackend(options);
  const hub = new WatchHub(backend.store);
  const controllers = new ControllerManager(backend, options.log, (bucket) => hub.endBucket(bucket));
  const longWork = new LongWork(backend, options.tokens);
  const server = newHttpsServer(options.tls);
  const connections = new Connections(server);
  const parts: Parts = {
    backend,
    policy,
    hub,
    controllers,
    longWork,
    server,
    connections,
    state: 'starting',
  };
  const router = newRouter(options, parts, () => parts.state);
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    connections.begin(response);
    void router.handle(request, response);
  };
  server.on('request', answer);
  server.on('upgrade', (request, socket: Socket, head) => {
    // A client that disconnects at any point must not end the server.
    socket.on('error', () => socket.destroy());
    answer(request, new UpgradedResponse(request, socket, head));
  });
  return parts;
}

async function stop(parts: Parts): Promise<void> {
  parts.state = 'stopping';
  parts.hub.close();
  await closeServer(parts.server, parts.connections);
  await parts.longWork.close();
  parts.controllers.close();
  parts.backend.store.close();
}

/** Starts the embedded API server. Rejects when the port is taken, the storage is in use, or a definition is invalid. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { host, port: wanted } = options.listen;
  const parts = assemble(options);
  try {
    await bootstrap(parts.backend, options.crds, options.clusterRoles);
    await publishTrust(parts.backend, options.tls.clientCa, options.extension);
    parts.controllers.start();
    await parts.backend.store.committed();
    const port = await listen(parts.server, host, wanted);
    parts.state = 'ready';
    options.log.info({ host, port }, 'the API server listens');
    let stopped: Promise<void> | undefined;
    const close = (): Promise<void> => {
      stopped ??= stop(parts);
      return stopped;
    };
    const renewTls: ApiServer['renewTls'] = async (tls) => {
      parts.server.setSecureContext(contextOf(tls));
      await publishTrust(parts.backend, tls.clientCa, options.extension);
    };
    return { url: `https://${host}:${port}`, port, renewTls, close };
  } catch (error) {
    await stop(parts);
    throw error;
  }
}

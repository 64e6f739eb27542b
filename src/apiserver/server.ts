import { randomInt, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { authenticator, tokenLookup } from './auth/authenticate.ts';
import { mastersOnly } from './auth/authorize.ts';
import type { Authorize, TokenUser } from './auth/types.ts';
import { bootstrap } from './bootstrap.ts';
import { Upkeep } from './controllers/upkeep.ts';
import { clusterKinds } from './core-kinds/cluster.ts';
import { configKinds } from './core-kinds/config.ts';
import { crdKind } from './core-kinds/crds.ts';
import { eventKinds } from './core-kinds/events.ts';
import { OpenApiDocuments } from './discovery/openapi-documents.ts';
import type { Backend } from './handlers/context.ts';
import { Connections } from './http/connections.ts';
import { discoveryPaths, openPaths } from './http/paths.ts';
import { Router, type ServerState } from './http/router.ts';
import { Registry } from './registry/registry.ts';
import { DurableStore } from './storage/durable-store.ts';
import { SqliteFile } from './storage/sqlite.ts';
import type { KubeObject } from './types.ts';
import { WatchHub } from './watch/watch-hub.ts';

/** How the embedded API server is started. */
export interface ApiServerOptions {
  /** The SQLite file, made if it is missing; `:memory:` keeps nothing. */
  storagePath: string;
  /** Port 0 takes any that is free. */
  listen: { host: string; port: number };
  /** PEM. Client certificates are checked against `clientCa`. */
  tls: { key: string; cert: string; clientCa: string };
  tokens: readonly TokenUser[];
  /** CustomResourceDefinitions to serve, besides those that clients create. */
  crds: readonly KubeObject[];
  /** Defaults to: the group system:masters may do everything, others nothing. */
  authorize?: Authorize;
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
  /** Ends watches and connections, lets requests under way finish, and closes the storage. */
  close(): Promise<void>;
}

interface Parts {
  readonly backend: Backend;
  readonly hub: WatchHub;
  readonly upkeep: Upkeep;
  readonly server: Server;
  readonly connections: Connections;
  state: ServerState;
}

const DEFAULT_HISTORY = { maxChanges: 10_000, maxAgeMs: 10 * 60 * 1000 };
const DEFAULT_BOOKMARK_INTERVAL_MS = 60 * 1000;
const CLOSE_GRACE_MS = 5000;
/** Characters that cannot make up words or be mistaken for each other, as kube's generated names use them. */
const NAME_CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';

function nameSuffix(): string {
  return Array.from({ length: 5 }, () => NAME_CHARACTERS[randomInt(NAME_CHARACTERS.length)]).join('');
}

function openBackend(options: ApiServerOptions): Backend {
  const { storagePath, clock = Date.now, history, log } = options;
  if (storagePath !== ':memory:') mkdirSync(dirname(storagePath), { recursive: true, mode: 0o700 });
  const limits = { ...DEFAULT_HISTORY, ...history };
  const store = new DurableStore(new SqliteFile(storagePath), limits, clock, (error) => {
    log.error({ err: error }, 'writes failed and were undone');
  });
  const registry = new Registry();
  registry.add([...clusterKinds(), ...configKinds(), ...eventKinds(), crdKind()]);
  return { store, registry, now: clock, newUid: randomUUID, nameSuffix };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Lets answers under way go out, then closes all connections. */
async function closeServer(server: Server, connections: Connections): Promise<void> {
  await connections.drain(CLOSE_GRACE_MS);
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function newHttpsServer({ key, cert, clientCa }: ApiServerOptions['tls']): Server {
  // Certificates that do not check out are refused by authentication, with a 401 that says so, not by the handshake.
  const client = { ca: clientCa, requestCert: true, rejectUnauthorized: false };
  const server = createServer({ key, cert, minVersion: 'TLSv1.2', ...client });
  // Watches and idle connections of clients live longer than Node's defaults.
  server.keepAliveTimeout = 3 * 60 * 1000;
  server.requestTimeout = 60 * 1000;
  return server;
}

function newRouter(
  options: ApiServerOptions,
  backend: Backend,
  hub: WatchHub,
  state: () => ServerState,
): Router {
  const { authorize = mastersOnly, tokens, log, bookmarkIntervalMs = DEFAULT_BOOKMARK_INTERVAL_MS } = options;
  const lookUpToken = tokenLookup(tokens);
  return new Router({
    backend,
    watches: { hub, bookmarkInterval: bookmarkIntervalMs, random: Math.random },
    authenticate: authenticator(lookUpToken),
    authorize,
    reviewer: { authorize, lookUpToken },
    state,
    openPaths: openPaths(() => state() === 'ready'),
    paths: discoveryPaths(backend.registry, new OpenApiDocuments(backend.registry)),
    log,
  });
}

/** All the parts of a server, put together but not yet running. */
function assemble(options: ApiServerOptions): Parts {
  const backend = openBackend(options);
  const hub = new WatchHub(backend.store);
  const upkeep = new Upkeep(backend, options.log, (bucket) => hub.endBucket(bucket));
  const server = newHttpsServer(options.tls);
  const connections = new Connections(server);
  const parts: Parts = { backend, hub, upkeep, server, connections, state: 'starting' };
  const router = newRouter(options, backend, hub, () => parts.state);
  server.on('request', (request, response) => {
    connections.begin(response);
    void router.handle(request, response);
  });
  return parts;
}

async function stop(parts: Parts): Promise<void> {
  parts.state = 'stopping';
  parts.hub.close();
  await closeServer(parts.server, parts.connections);
  parts.upkeep.close();
  parts.backend.store.close();
}

/** Starts the embedded API server. Rejects when the port is taken, the storage in use or a definition invalid. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { host, port: wanted } = options.listen;
  const parts = assemble(options);
  try {
    await bootstrap(parts.backend, options.crds);
    parts.upkeep.start();
    await parts.backend.store.committed();
    const port = await listen(parts.server, host, wanted);
    parts.state = 'ready';
    options.log.info({ host, port }, 'the API server listens');
    let stopped: Promise<void> | undefined;
    const close = (): Promise<void> => {
      stopped ??= stop(parts);
      return stopped;
    };
    return { url: `https://${host}:${port}`, port, close };
  } catch (error) {
    await stop(parts);
    throw error;
  }
}

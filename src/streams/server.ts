import { type IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import {
  BUILD_LOG,
  SUBRESOURCES_GROUP,
  SUBRESOURCES_ROOT,
  subresourcesGroup,
  subresourcesList,
  VERB_OF,
} from '../api/subresources.ts';
import type { Clock } from '../base/clock.ts';
import { headBytes, join, relay, webSocketHeaders } from '../base/relay.ts';
import { hostServerName } from '../host/protocol.ts';
import { ApiError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { reviewToken, type UserInfo } from '../kube/client/reviews.ts';
import { requireAccess } from './access.ts';
import { type BuildLogRequest, buildLogRequest, buildLogTarget } from './build-logs.ts';
import { callerOf } from './caller.ts';
import { passLog, refusalOf } from './daemon-answer.ts';
import { Refusal } from './refusal.ts';
import { streamRequest } from './request.ts';
import { type Target, targetOf } from './target.ts';
import type { Trust } from './trust.ts';
import { answerUpload, uploadRequest } from './uploads.ts';

/** Certificates as PEMs. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface StreamsOptions {
  readonly client: Pick<KubeClient, 'create' | 'get' | 'list'>;
  /** Whom to believe; undefined while the API server has not said it yet. */
  readonly trust: () => Trust | undefined;
  /** The operator's own, for calls to daemons; undefined while it has none yet. */
  readonly hostTls: () => Certificates | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A request, how to answer it, and, when it asks for a WebSocket, its connection. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade?: { readonly socket: Socket; readonly head: Buffer };
}

const MAX_HEADER_BYTES = 256 * 1024;
const ANSWER_TIMEOUT_MS = 30_000;

/**
 * The server of the group `subresources.coppice.dev`: it finds out who asks and whether they may, then relays to the daemon that has the
 * appliance, unread.
 * @param tls its certificate and key, and the authorities in `trust`; later ones are set with `setSecureContext`
 */
export function createStreamsServer(options: StreamsOptions, tls: Certificates): Server {
  // Whoever has no certificate may have a token.
  const client = { requestCert: true, rejectUnauthorized: false };
  const server = createServer({
    ...tls,
    ...client,
    minVersion: 'TLSv1.2',
    // A program's words are in the URL: as much as daemons take.
    maxHeaderSize: MAX_HEADER_BYTES,
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
  });
  server.on('request', (request, response) => void handle(options, { request, response }));
  server.on('upgrade', (request, socket: Socket, head) => {
    // A client that disconnects at any point must not end the operator.
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    void handle(options, { request, response, upgrade: { socket, head } });
  });
  return server;
}

async function handle(options: StreamsOptions, exchange: Exchange): Promise<void> {
  const { response } = exchange;
  try {
    await answer(options, exchange);
  } catch (error) {
    const refusal = refusalFor(error, options.log);
    if (response.headersSent) response.destroy();
    else send(response, refusal.code, refusal.status);
  }
}

async function answer(options: StreamsOptions, exchange: Exchange): Promise<void> {
  const { request, response, upgrade } = exchange;
  const trust = options.trust();
  if (trust === undefined) throw notReady('it does not know yet whom the API server believes');
  const user = await callerOf(request, trust, {
    reviewToken: (token) => reviewToken(options.client, token),
    now: options.clock.now(),
  });
  const url = new URL(request.url ?? '/', 'https://operator');
  const discovery = discoveryAt(url.pathname);
  if (discovery !== undefined) return send(response, 200, discovery);
  const upload = uploadRequest(request.method ?? '', url);
  if (upload !== undefined) return await answerUpload(options, exchange, user, upload);
  const built = buildLogRequest(request.method ?? '', url);
  if (built !== undefined) return await answerBuildLog(options, exchange, user, built);
  const wanted = streamRequest(request.method ?? '', url, upgrade !== undefined);
  const { namespace, name, subresource } = wanted;
  const what = { resource: 'virtualappliances', subresource, namespace, name, verb: VERB_OF[subresource] };
  await requireAccess(options.client, user, what);
  const target = await targetOf(options.client, wanted);
  await open(options, exchange, user, { namespace, appliance: name, stream: subresource }, target);
}

async function answerBuildLog(
  options: StreamsOptions,
  exchange: Exchange,
  user: UserInfo,
  wanted: BuildLogRequest,
): Promise<void> {
  const { namespace, name } = wanted;
  const { plural: resource, subresource } = BUILD_LOG;
  await requireAccess(options.client, user, { verb: 'get', resource, subresource, namespace, name });
  const target = await buildLogTarget(options.client, wanted);
  await open(options, exchange, user, { namespace, template: name, stream: subresource }, target);
}

/** What API servers ask an extension for, to know what it serves. */
function discoveryAt(path: string): object | undefined {
  switch (path.replace(/\/$/, '')) {
    case '/apis':
      return { kind: 'APIGroupList', apiVersion: 'v1', groups: [subresourcesGroup()] };
    case `/apis/${SUBRESOURCES_GROUP}`:
      return { kind: 'APIGroup', apiVersion: 'v1', ...subresourcesGroup() };
    case SUBRESOURCES_ROOT:
      return subresourcesList();
    default:
      return undefined;
  }
}

async function open(
  { hostTls, log }: StreamsOptions,
  { request, response, upgrade }: Exchange,
  { username }: UserInfo,
  about: Readonly<Record<string, string>>,
  { hostName, url }: Target,
): Promise<void> {
  const tls = hostTls();
  if (tls === undefined) throw notReady('it has no certificate for calls to hosts yet');
  const ended = new AbortController();
  response.once('close', () => ended.abort());
  const { head, connection } = await relay({
    url,
    method: 'GET',
    headers: upgrade === undefined ? {} : webSocketHeaders(request),
    tls: { ...tls, servername: hostServerName(hostName) },
    timeoutMs: ANSWER_TIMEOUT_MS,
    ...(upgrade === undefined ? { signal: ended.signal } : {}),
  }).catch((error: Error) => {
    throw new Refusal(503, 'ServiceUnavailable', `host ${hostName} cannot be reached: ${error.message}`);
  });
  if (connection === undefined && head.statusCode !== 200) throw await refusalOf(head, hostName);
  // Never the options: what a program is given may be a secret.
  log.info({ user: username, ...about, host: hostName }, 'a stream is opened');
  if (upgrade === undefined) return passLog(head, response);
  if (connection === undefined) throw new Error(`host ${hostName} did not open a WebSocket`);
  connectBoth(response, upgrade, head, connection);
}

function connectBoth(
  response: ServerResponse,
  { socket, head: first }: NonNullable<Exchange['upgrade']>,
  head: IncomingMessage,
  connection: Duplex,
): void {
  response.detachSocket(socket);
  socket.setTimeout(0);
  socket.write(headBytes(head));
  if (first.length > 0) connection.write(first);
  join(socket, connection);
}

function notReady(why: string): Refusal {
  return new Refusal(503, 'ServiceUnavailable', `the operator opens no streams yet: ${why}`);
}

function refusalFor(error: unknown, log: Logger): Refusal {
  if (error instanceof Refusal) return error;
  log.error({ err: error }, 'a stream could not be opened');
  if (error instanceof ApiError) {
    return new Refusal(
      503,
      'ServiceUnavailable',
      `the operator was not answered by the API server: ${error.message}`,
    );
  }
  // The caller may be anyone: what failed inside is for the log alone.
  return new Refusal(500, 'InternalError', "the stream could not be opened: see the operator's log");
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { own } from '../../base/own.ts';
import { bodyHeaders, headBytes, join, type RelayAnswer, relay, webSocketHeaders } from '../../base/relay.ts';
import { isWebSocket } from '../../base/subprotocols.ts';
import type { User } from '../auth/types.ts';
import { UpgradedResponse } from '../http/web-socket.ts';
import { serviceUnavailable } from '../status-errors.ts';

/** A server behind this one, to which the requests for its group are passed on, as kube-apiserver does with aggregated servers. */
export interface Extension {
  /** `https://127.0.0.1:7442` */
  readonly url: string;
  /** PEMs: the authority of its certificate, and the certificate with which this server says that it is the front proxy. */
  tls(): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }>;
}

/** The DNS name that the extension's certificate carries. */
export const EXTENSION_SERVER_NAME = 'streams.coppice';

const ANSWER_TIMEOUT_MS = 60_000;
const PASSED_BACK = ['content-type', 'x-content-type-options', 'retry-after'];

/** Passes an authenticated and authorized request on, with the user's name, and its answer back. Throws 503 when there is no answer. */
export async function passOn(
  extension: Extension,
  request: IncomingMessage,
  response: ServerResponse,
  user: User,
): Promise<void> {
  const upgrades = response instanceof UpgradedResponse && isWebSocket(request);
  const ended = new AbortController();
  if (!upgrades) response.once('close', () => ended.abort());
  const hasBody = !upgrades && request.method === 'POST';
  if (!hasBody) request.resume();
  const { head, connection } = await ask(extension, request, user, {
    upgrades,
    hasBody,
    signal: ended.signal,
  });
  if (connection !== undefined && upgrades) {
    const { socket, first } = response.takeConnection();
    socket.write(headBytes(head));
    if (first.length > 0) connection.write(first);
    return join(socket, connection);
  }
  const headers = PASSED_BACK.flatMap((name) =>
    own(head.headers, name) === undefined ? [] : [[name, own(head.headers, name)] as const],
  );
  response.writeHead(head.statusCode ?? 502, Object.fromEntries(headers));
  // Flushed for a log that has nothing to say yet; of an answer over an upgraded connection that would open a WebSocket.
  if (!upgrades) response.flushHeaders();
  // An answer that is cut off has told its reader by the connection's end.
  await pipeline(head, response).catch(() => response.destroy());
}

async function ask(
  extension: Extension,
  request: IncomingMessage,
  user: User,
  { upgrades, hasBody, signal }: { upgrades: boolean; hasBody: boolean; signal: AbortSignal },
): Promise<RelayAnswer> {
  try {
    return await relay({
      url: new URL(request.url ?? '/', extension.url),
      method: request.method ?? 'GET',
      headers: {
        ...userHeaders(user),
        ...(upgrades ? webSocketHeaders(request) : {}),
        ...(hasBody ? bodyHeaders(request) : {}),
      },
      ...(hasBody ? { body: request } : {}),
      tls: { ...(await extension.tls()), servername: EXTENSION_SERVER_NAME },
      timeoutMs: ANSWER_TIMEOUT_MS,
      ...(upgrades ? {} : { signal }),
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw serviceUnavailable(`the operator, which serves this group, does not answer: ${why}`);
  }
}

/** As kube-apiserver names a user to servers behind it. None of the headers that the client sent is passed on. */
function userHeaders({ name, uid, groups, extra = {} }: User): OutgoingHttpHeaders {
  const extras = Object.entries(extra).map(([key, values]) => [
    `x-remote-extra-${encodeURIComponent(key).toLowerCase()}`,
    [...values],
  ]);
  return {
    'x-remote-user': name,
    'x-remote-group': [...groups],
    ...(uid === undefined ? {} : { 'x-remote-uid': uid }),
    ...Object.fromEntries(extras),
  };
}

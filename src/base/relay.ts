import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { own } from './own.ts';
import { offeredProtocols } from './subprotocols.ts';

/** A request to pass on. */
export interface RelayRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: OutgoingHttpHeaders;
  readonly tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'agent'>;
  /** Time until the answer begins, in milliseconds; what follows may last. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** What the request carries. */
  readonly body?: Readable;
}

/** The answer's head, and what follows it: a body, or after the status 101 a connection in both directions. */
export interface RelayAnswer {
  readonly head: IncomingMessage;
  readonly connection?: Duplex;
}

/** Sends a request over a connection of its own. Rejects when no answer comes. */
export function relay({
  url,
  method,
  headers,
  tls,
  timeoutMs,
  signal,
  body,
}: RelayRequest): Promise<RelayAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent: false, ...tls, method, headers, signal, timeout: timeoutMs });
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    outgoing.once('error', reject);
    outgoing.once('upgrade', (head, connection: Duplex & { setTimeout?: (ms: number) => void }, first) => {
      connection.setTimeout?.(0);
      if (first.length > 0) connection.unshift(first);
      resolve({ head, connection });
    });
    outgoing.once('response', (head) => {
      outgoing.setTimeout(0);
      resolve({ head });
    });
    if (body === undefined) outgoing.end();
    // A body that breaks off breaks off the request; one that is refused unread has an answer.
    else void pipeline(body, outgoing).catch(reject);
  });
}

/**
 * The headers that make a request a WebSocket's, and those by which both ends agree on it; the ends check them, not who relays. A token
 * among the subprotocols stays here.
 */
export function webSocketHeaders(request: IncomingMessage): OutgoingHttpHeaders {
  const names = ['key', 'version', 'extensions'].map((name) => `sec-websocket-${name}`);
  const { headers } = request;
  const sent = names.flatMap((name) =>
    own(headers, name) === undefined ? [] : [[name, own(headers, name)] as const],
  );
  const protocols = offeredProtocols(request);
  return {
    connection: 'Upgrade',
    upgrade: 'websocket',
    ...Object.fromEntries(sent),
    ...(protocols.length === 0 ? {} : { 'sec-websocket-protocol': protocols.join(', ') }),
  };
}

/** The headers that say what a request's body is. */
export function bodyHeaders({ headers }: IncomingMessage): OutgoingHttpHeaders {
  const names = ['content-type', 'content-length'] as const;
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
}

/** The head of an answer 101 as bytes, as it came. */
export function headBytes({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** How long a side that does not take what the other still sent may keep its connection, in milliseconds. */
const LINGER_MS = 10_000;

/** Passes bytes both ways. When one side ends, orderly or not, the other is closed, after what was received has been passed on. */
export function join(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    // A connection that was lost earlier emits no 'close' any more.
    if (from.destroyed) closeAfterWrites(to);
    else from.pipe(to);
    from.once('error', () => from.destroy());
    // A peer that has ended its side of a WebSocket or of a log reads nothing more.
    from.once('end', () => closeAfterWrites(from));
    from.once('close', () => closeAfterWrites(to));
  }
}

function closeAfterWrites(stream: Duplex): void {
  if (stream.destroyed) return;
  const timer = setTimeout(() => stream.destroy(), LINGER_MS);
  stream.once('close', () => clearTimeout(timer));
  if (stream.writableFinished) stream.destroy();
  else stream.end(() => stream.destroy());
}

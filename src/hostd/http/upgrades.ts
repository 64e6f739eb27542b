import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { orLate } from '../../base/deadline.ts';
import { failureStatus, LONGEST_MESSAGE_BYTES, STREAM_PROTOCOL } from '../../host/streams.ts';
import { type HostError, hostErrors, toHostError, toProblem } from '../errors/index.ts';
import { Channels, type Stream } from './channels.ts';
import { openConsoleStream } from './console.ts';
import type { App, RouteContext } from './context.ts';
import { execStreams } from './exec.ts';

const PATH = /^\/v1\/appliances\/([0-9a-f-]{36})\/(console|exec)$/;
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** How long a caller that reads slowly has for the last bytes. */
const CLOSE_MS = 120_000;
const HANDSHAKE = {
  noServer: true,
  handleProtocols: () => STREAM_PROTOCOL,
  maxPayload: LONGEST_MESSAGE_BYTES,
  perMessageDeflate: false,
  clientTracking: false,
  // Not in the package's types yet.
  closeTimeout: CLOSE_MS,
};

/** How long the daemon's end waits for programs that are being ended. */
const STOP_MS = 15_000;

/**
 * Console and exec: a GET that asks for a WebSocket with Kubernetes' protocol. Whatever is wrong before it opens is answered as every
 * other call is. `authorize` throws when the caller has no permission.
 */
export function streamUpgrades(
  app: App,
  context: RouteContext,
  authorize: (socket: object) => void,
  log: Logger,
): void {
  const sockets = new Set<Duplex>();
  const running = new Set<Promise<void>>();
  const open = opener(context);
  const handshake = new WebSocketServer(HANDSHAKE);
  app.get('/v1/appliances/:uuid/exec', () => {
    throw hostErrors.notAStream(STREAM_PROTOCOL);
  });
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.add(socket);
    // A caller that disconnects at any point must not end the daemon.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    const connect = async () => {
      authorize(socket);
      const stream = await open(request);
      socket.once('close', () => stream.close());
      // The caller left while the stream was opened: its 'close' came too early for the listener above.
      if (socket.destroyed) stream.close();
      else {
        handshake.handleUpgrade(request, socket, head, (webSocket) => {
          const served = serve(stream, webSocket, context, log).finally(() => running.delete(served));
          running.add(served);
        });
      }
    };
    connect().catch((error: unknown) => refuse(socket, toHostError(error)));
  });
  app.addHook('preClose', async () => {
    await orLate(context.clock, Promise.all(running), STOP_MS);
    for (const socket of sockets) socket.destroy();
  });
}

/** Opens what a request asks for. Rejects with the answer to a request that asks for something else. */
function opener(context: RouteContext): (request: IncomingMessage) => Promise<Stream> {
  const openExecStream = execStreams(context);
  return async (request) => {
    const url = URL.parse(request.url ?? '', 'https://hostd');
    const [, uuid, kind] = PATH.exec(url?.pathname ?? '') ?? [];
    if (uuid === undefined || url === null)
      throw hostErrors.noSuchRoute(request.method ?? '', request.url ?? '');
    checkHandshake(request);
    if (context.stopping.aborted) throw hostErrors.stopping();
    return kind === 'exec' ? openExecStream(uuid, url.searchParams) : openConsoleStream(context, uuid);
  };
}

function checkHandshake({ method, headers }: IncomingMessage): void {
  const protocols = headers['sec-websocket-protocol']?.split(',').map((each) => each.trim()) ?? [];
  const isHandshake =
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    KEY.test(headers['sec-websocket-key'] ?? '');
  if (!isHandshake || !protocols.includes(STREAM_PROTOCOL)) throw hostErrors.notAStream(STREAM_PROTOCOL);
}

async function serve(
  stream: Stream,
  webSocket: WebSocket,
  { clock }: RouteContext,
  log: Logger,
): Promise<void> {
  const channels = new Channels(webSocket, clock);
  const status = await stream.run(channels).catch((error: unknown) => {
    const { reason, message, status } = toHostError(error);
    if (status >= 500 && webSocket.readyState === webSocket.OPEN) log.warn({ err: error }, 'a stream failed');
    return failureStatus(reason, message, status);
  });
  channels.finish(status);
}

function refuse(socket: Duplex, error: HostError): void {
  const body = JSON.stringify({ error: toProblem(error) });
  const head = `HTTP/1.1 ${error.status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
}

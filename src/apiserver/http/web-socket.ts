import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { SUBRESOURCES_ROOT } from '../../api/subresources.ts';
import { isWebSocket, offeredProtocols } from '../../base/subprotocols.ts';
import { isTrue } from './request-info.ts';

/** Clients of a watch have nothing to say. */
const MAX_RECEIVED_BYTES = 64 * 1024;
const NORMAL_CLOSURE = 1000;

/**
 * Whether a request asks for a watch, or a stream of the extension, over WebSocket. Other upgrades are answered as if they had not been
 * asked for.
 */
export function asksForWebSocket(request: IncomingMessage): boolean {
  const { method, url = '/' } = request;
  if (method !== 'GET' || !isWebSocket(request)) return false;
  const target = URL.parse(url, 'https://apiserver');
  const isStream = target?.pathname.startsWith(`${SUBRESOURCES_ROOT}/`) === true;
  return isStream || isTrue(target?.searchParams.get('watch') ?? null);
}

/** The status with which kube-apiserver refuses a handshake; undefined when it accepts it. */
function refusalOf(request: IncomingMessage): string | undefined {
  const { 'sec-websocket-key': key, 'sec-websocket-version': version, origin } = request.headers;
  if (key === undefined || version !== '13') return '400 Bad Request';
  // Browsers always send one. Clients that are none have to.
  if (origin === undefined || !/^([a-z][a-z0-9+.-]*:|\/)/i.test(origin)) return '403 Forbidden';
  return offeredProtocols(request).length > 1 ? '400 Bad Request' : undefined;
}

/**
 * The answer to a request for a watch over WebSocket. Refusals are sent over HTTP, as always. Where headers are flushed, which only
 * a watch does, the WebSocket is opened, and each write becomes a message of text, as in kube-apiserver.
 */
export class UpgradedResponse extends ServerResponse {
  readonly #request: IncomingMessage;
  readonly #socket: Socket;
  readonly #head: Buffer;
  /** Undefined before the watch begins. */
  #webSocket: WebSocket | 'refused' | undefined;

  constructor(request: IncomingMessage, socket: Socket, head: Buffer) {
    super(request);
    this.#request = request;
    this.#socket = socket;
    this.#head = head;
    this.shouldKeepAlive = false;
    this.assignSocket(socket);
    this.once('finish', () => socket.destroySoon());
  }

  /** Gives the connection away, with what was received on it: whoever takes it answers there. */
  takeConnection(): { readonly socket: Socket; readonly first: Buffer } {
    this.detachSocket(this.#socket);
    this.#socket.once('close', () => this.emit('close'));
    this.#socket.setTimeout(0);
    return { socket: this.#socket, first: this.#head };
  }

  override flushHeaders(): void {
    this.takeConnection();
    const refusal = refusalOf(this.#request);
    if (refusal === undefined) this.#open();
    else this.#refuse(refusal);
  }

  #open(): void {
    const handleProtocols = () => offeredProtocols(this.#request)[0] ?? false;
    const limits = { maxPayload: MAX_RECEIVED_BYTES, perMessageDeflate: false };
    const handshake = new WebSocketServer({ noServer: true, handleProtocols, ...limits });
    handshake.on('wsClientError', () => this.#refuse('400 Bad Request'));
    handshake.handleUpgrade(this.#request, this.#socket, this.#head, (webSocket) => {
      this.#webSocket = webSocket;
      // A property of the instance, as it is to the type: what waits to be sent is in the WebSocket.
      Object.defineProperty(this, 'writableLength', { get: () => webSocket.bufferedAmount });
      // Such as a message that is too long: the connection ends with it.
      webSocket.on('error', () => webSocket.terminate());
    });
  }

  #refuse(status: string): void {
    this.#webSocket = 'refused';
    this.#socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    this.#socket.destroySoon();
  }

  override write(chunk: unknown): boolean {
    const webSocket = this.#webSocket;
    if (webSocket === undefined) return super.write(chunk);
    if (webSocket === 'refused') return true;
    webSocket.send(String(chunk), () => {
      if (webSocket.bufferedAmount === 0) this.emit('drain');
    });
    return webSocket.bufferedAmount === 0;
  }

  override end(chunk?: unknown): this {
    const webSocket = this.#webSocket;
    if (webSocket === undefined) return super.end(chunk);
    if (chunk !== undefined) this.write(chunk);
    if (webSocket !== 'refused') webSocket.close(NORMAL_CLOSURE);
    // As kube-apiserver does, and without waiting for the client's own close.
    this.#socket.destroySoon();
    return this;
  }

  override destroy(error?: Error): this {
    this.#socket.destroy(error);
    return this;
  }
}

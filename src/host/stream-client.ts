import type { RequestOptions } from 'node:https';
import { Readable, Writable } from 'node:stream';
import { WebSocket } from 'ws';
import {
  CHANNELS,
  decodeMessage,
  encodeClose,
  encodeMessage,
  LONGEST_MESSAGE_BYTES,
  STREAM_PROTOCOL,
  type StreamStatus,
  type TerminalSize,
} from './streams.ts';

export type StreamTarget = {
  /** `wss:`, or `https:`, which means the same; `ws:` and `http:` without TLS. */
  readonly url: string | URL;
  readonly tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'agent'>;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the handshake may take; default 30 s. */
  readonly timeoutMs?: number;
};

/** A stream to a console, or to a program in a guest. */
export type StreamConnection = {
  /** Its end is the end of the program's input. What is written after the stream's end is dropped. */
  readonly stdin: Writable;
  /** Both must be read (or resumed): while one is full, nothing arrives for the other, nor the end. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** How it ended. Rejects when the connection was lost, or closed by `close`, before that was known. */
  readonly ended: Promise<StreamStatus>;
  /** The terminal's size from now on. */
  resize(size: TerminalSize): void;
  /** Ends the connection, and with it the program. */
  close(): void;
};

/** The server answered the handshake with an HTTP status instead. */
export class StreamRefused extends Error {
  override readonly name = 'StreamRefused';
  readonly status: number;
  /** At most 64 KiB of it. */
  readonly body: string;

  constructor(status: number, body: string) {
    super(`the server refused the stream with status ${status}: ${body.slice(0, 1024)}`);
    this.status = status;
    this.body = body;
  }
}

const DEFAULT_TIMEOUT_MS = 30_000;
const LONGEST_BODY_BYTES = 64 * 1024;
/** Of one message of input. */
const INPUT_BYTES = 64 * 1024;
/** While nobody reads its output this client sees no ping; the daemon still learns that it is there. */
const SIGN_OF_LIFE_MS = 15_000;
/** The daemon pings every 20 s. */
const LONGEST_SILENCE_MS = 65_000;

/** Opens a stream. Rejects with {@link StreamRefused} for an HTTP answer, and with the error of the connection. */
export async function openStream(target: StreamTarget): Promise<StreamConnection> {
  const url = new URL(target.url);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  const webSocket = new WebSocket(url, STREAM_PROTOCOL, {
    ...target.tls,
    headers: { ...target.headers },
    handshakeTimeout: target.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    maxPayload: LONGEST_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  // Before it is open: what the server sends at once would be lost to a listener that comes later.
  const connection = connectionOver(webSocket);
  await new Promise<void>((resolve, reject) => {
    webSocket.once('open', resolve);
    webSocket.once('error', reject);
    webSocket.once('unexpected-response', (_request, response) => {
      bodyOf(response).then((body) => {
        reject(new StreamRefused(response.statusCode ?? 0, body));
        webSocket.terminate();
      }, reject);
    });
  });
  return connection;
}

async function bodyOf(response: AsyncIterable<Buffer>): Promise<string> {
  let body = Buffer.alloc(0);
  for await (const piece of response) {
    body = Buffer.concat([body, piece]);
    if (body.length >= LONGEST_BODY_BYTES) break;
  }
  return body.toString('utf8', 0, LONGEST_BODY_BYTES);
}

function connectionOver(webSocket: WebSocket): StreamConnection {
  const stdin = inputOf(webSocket);
  const outputs = new Outputs(webSocket);
  const ended = Promise.withResolvers<StreamStatus>();
  // Who does not ask how it ended is not to be ended by it.
  ended.promise.catch(() => undefined);
  let problem = 'the connection was closed before the end of the stream';
  webSocket.on('message', (message: Buffer) => {
    const { channel, data } = decodeMessage(message) ?? {};
    if (channel === undefined || data === undefined || data.length === 0) return;
    if (channel !== CHANNELS.error) outputs.take(channel, data);
    // The promise takes what is thrown: a server is not trusted to send JSON.
    else ended.resolve(new Promise((resolve) => resolve(JSON.parse(data.toString()) as StreamStatus)));
  });
  webSocket.on('error', (error) => {
    problem = `the connection was lost: ${error.message}`;
  });
  webSocket.once('close', () => {
    ended.reject(new Error(problem));
    stdin.destroy();
    outputs.end();
  });
  keepAlive(webSocket);
  return {
    stdin,
    stdout: outputs.stdout,
    stderr: outputs.stderr,
    ended: ended.promise,
    resize: (size) => {
      if (webSocket.readyState !== WebSocket.OPEN) return;
      webSocket.send(encodeMessage(CHANNELS.resize, Buffer.from(JSON.stringify(size))));
    },
    close: () => webSocket.terminate(),
  };
}

function inputOf(webSocket: WebSocket): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, callback) {
      const last = Math.max(0, Math.ceil(chunk.length / INPUT_BYTES) - 1);
      for (let piece = 0; piece <= last; piece += 1) {
        const data = chunk.subarray(piece * INPUT_BYTES, (piece + 1) * INPUT_BYTES);
        // A failure is the connection's, and reported as its end.
        webSocket.send(encodeMessage(CHANNELS.stdin, data), () => piece === last && callback());
      }
    },
    final(callback) {
      webSocket.send(encodeClose(CHANNELS.stdin), () => callback());
    },
  });
}

/** Both outputs. While the reader of one is behind, the connection rests. */
class Outputs {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #webSocket: WebSocket;
  readonly #full = new Set<Readable>();

  constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    this.stdout = this.#output();
    this.stderr = this.#output();
  }

  take(channel: number, data: Buffer): void {
    const output =
      channel === CHANNELS.stdout ? this.stdout : channel === CHANNELS.stderr ? this.stderr : undefined;
    if (output === undefined || output.destroyed || output.push(data)) return;
    this.#full.add(output);
    this.#webSocket.pause();
  }

  end(): void {
    for (const output of [this.stdout, this.stderr]) if (!output.destroyed) output.push(null);
  }

  #output(): Readable {
    const goOn = () => {
      if (this.#full.delete(output) && this.#full.size === 0) this.#webSocket.resume();
    };
    const output: Readable = new Readable({ read: goOn }).once('close', goOn);
    return output;
  }
}

/** Tells the server that this side is there, and ends the connection when nothing is heard of the server. */
function keepAlive(webSocket: WebSocket): void {
  let silentMs = 0;
  const heard = () => {
    silentMs = 0;
  };
  webSocket.on('message', heard).on('ping', heard);
  const timer = setInterval(() => {
    if (webSocket.readyState !== WebSocket.OPEN) return;
    webSocket.pong();
    silentMs = webSocket.isPaused ? 0 : silentMs + SIGN_OF_LIFE_MS;
    if (silentMs >= LONGEST_SILENCE_MS) webSocket.terminate();
  }, SIGN_OF_LIFE_MS);
  webSocket.once('close', () => clearInterval(timer));
}

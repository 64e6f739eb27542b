import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** One reply of QMP or of the guest agent. */
interface Reply {
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
}

/**
 * The plainest possible client of a socket on which each request and each reply is a line of JSON (QMP, guest agent).
 * The product's own clients are not used here on purpose: these tests judge the guest image, by other means.
 */
export class JsonSocket {
  readonly #socket: Socket;
  readonly #waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface({ input: socket }).on('line', (line) => this.#receive(line));
    socket.on('error', () => this.close());
    socket.on('close', () => this.#failAll(new Error('the socket was closed')));
  }

  /** Connects to a UNIX socket; rejects when nobody listens there. */
  static async connect(path: string): Promise<JsonSocket> {
    const socket = createConnection(path);
    await once(socket, 'connect');
    return new JsonSocket(socket);
  }

  /** Sends one command and resolves to its `return`; rejects with the peer's error, or when the socket closes. */
  call(execute: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(`${JSON.stringify({ execute, ...(args && { arguments: args }) })}\n`);
    });
  }

  /** Sends a command that ends the peer, and so is never answered. */
  send(execute: string): void {
    this.#socket.write(`${JSON.stringify({ execute })}\n`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(line: string): void {
    const reply = JSON.parse(line.replace(/^\xff/, '')) as Reply;
    if (!('return' in reply) && !reply.error) return; // QMP's greeting and events
    const request = this.#waiting.shift();
    if (reply.error) request?.reject(new Error(`${reply.error.class}: ${reply.error.desc}`));
    else request?.resolve(reply.return);
  }

  #failAll(error: Error): void {
    for (const request of this.#waiting.splice(0)) request.reject(error);
  }
}

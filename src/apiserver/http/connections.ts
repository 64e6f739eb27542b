import type { ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';

/**
 * The connections of a server, and whether each is sending an answer. Node's own `close` cuts connections whose answer has
 * ended but is not flushed; this class closes a connection after its last byte is sent.
 */
export class Connections {
  readonly #sockets = new Set<Socket>();
  readonly #busy = new Set<Socket>();
  #draining = false;
  #emptied: (() => void) | undefined;

  constructor(server: Server) {
    server.on('secureConnection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        this.#busy.delete(socket);
        if (this.#sockets.size === 0) this.#emptied?.();
      });
    });
  }

  /** Records that an answer has begun. */
  begin(response: ServerResponse): void {
    const { socket } = response;
    if (socket === null) return;
    this.#busy.add(socket);
    response.once('close', () => {
      this.#busy.delete(socket);
      if (this.#draining) socket.end();
    });
  }

  /** Closes each connection once its answer is sent; resolves when all are closed, or after `milliseconds`. */
  async drain(milliseconds: number): Promise<void> {
    this.#draining = true;
    for (const socket of this.#sockets) if (!this.#busy.has(socket)) socket.end();
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(resolve, milliseconds);
      this.#emptied = () => {
        clearTimeout(giveUp);
        resolve();
      };
    });
  }
}

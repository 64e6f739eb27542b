import type { ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';

/**
 * The connections of a server, and whether an answer is under way on them. Node's own `close` cuts connections whose
 * answer has been ended but not yet flushed; this closes each when its last byte is out.
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

  /** Notes that an answer is under way. */
  begin(response: ServerResponse): void {
    const { socket } = response;
    if (socket === null) return;
    this.#busy.add(socket);
    response.once('close', () => {
      this.#busy.delete(socket);
      if (this.#draining) socket.end();
    });
  }

  /** Closes all connections, each when its answer is out; resolves when they are closed, or the time is up. */
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

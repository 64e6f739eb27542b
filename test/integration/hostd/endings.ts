import { createServer, type Server, type Socket } from 'node:net';

/** How a server ends its answer. Each is written byte by byte, because Node's own server is too well-behaved for most of them. */
export type Ending = (socket: Socket, content: Buffer, from: number) => void;

const head = (...lines: readonly string[]) =>
  `${['HTTP/1.1 200 OK', 'connection: close', ...lines].join('\r\n')}\r\n\r\n`;
const chunk = (part: Buffer) =>
  Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]);
const half = (content: Buffer) => content.subarray(0, content.length / 2);

/** Answers that are whole. */
export const WHOLE: Readonly<Record<string, Ending>> = {
  'with its length': (socket, content) => {
    socket.write(head(`content-length: ${content.length}`));
    socket.end(content);
  },
  'in chunks': (socket, content) => {
    socket.write(head('transfer-encoding: chunked'));
    socket.write(chunk(half(content)));
    socket.write(chunk(content.subarray(content.length / 2)));
    socket.end('0\r\n\r\n');
  },
  'by closing, without a length': (socket, content) => {
    socket.write(head());
    socket.end(content);
  },
  'as HTTP/1.0 does': (socket, content) => {
    socket.write('HTTP/1.0 200 OK\r\nserver: SimpleHTTP/0.6\r\n\r\n');
    socket.end(content);
  },
  'by half-closing a connection that stays': (socket, content) => {
    socket.allowHalfOpen = true;
    socket.write(head(`content-length: ${content.length}`));
    socket.write(content, () => socket.end());
  },
};

/** Answers that are cut. */
export const CUT: Readonly<Record<string, Ending>> = {
  'by a reset, with a length': (socket, content) => {
    socket.write(head(`content-length: ${content.length}`));
    socket.write(half(content), () => setTimeout(() => socket.resetAndDestroy(), 20));
  },
  'by a reset, without a length': (socket, content) => {
    socket.write(head());
    socket.write(half(content), () => setTimeout(() => socket.resetAndDestroy(), 20));
  },
  'by half-closing before the announced end': (socket, content) => {
    socket.allowHalfOpen = true;
    socket.write(head(`content-length: ${content.length}`));
    socket.end(half(content));
  },
  'in the middle of a chunk': (socket, content) => {
    socket.write(head('transfer-encoding: chunked'));
    socket.end(chunk(content).subarray(0, content.length / 2));
  },
  'before the last, empty chunk': (socket, content) => {
    socket.write(head('transfer-encoding: chunked'));
    socket.end(chunk(half(content)));
  },
};

/** Serves the content with an ending that a test chooses. */
export class EndingServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(ending: Ending, content: Buffer) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      // The client may go first.
      socket.on('error', () => undefined);
      socket.once('data', (request) => {
        const from = Number(/range: bytes=([0-9]+)-/i.exec(request.toString())?.[1] ?? 0);
        ending(socket, content, from);
      });
    });
  }

  static async start(ending: Ending, content: Buffer): Promise<EndingServer> {
    const server = new EndingServer(ending, content);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    return `http://127.0.0.1:${address.port}/image`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

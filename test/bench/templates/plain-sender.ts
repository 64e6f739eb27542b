/** Sends a file to whoever connects, as it is. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { answerParent } from '../scale/parts.ts';

export interface SenderCalls {
  /** Resolves with the port. */
  start: (path: string) => Promise<number>;
}

let server: Server | undefined;

answerParent<SenderCalls>(
  {
    start: async (path) => {
      server = createServer((socket) => createReadStream(path).pipe(socket));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return (server.address() as AddressInfo).port;
    },
  },
  async () => {
    server?.close();
  },
);

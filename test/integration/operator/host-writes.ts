import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

const CHANNEL = 'http.server.request.start';

/** A request that reached a daemon of this process and changes what is on its host. */
export interface HostWrite {
  /** Common name of the client. */
  readonly client: string;
  readonly method: string;
  readonly path: string;
  /** Milliseconds of performance.now(). */
  readonly at: number;
}

/** Records the writes that the daemons in this process receive, until it is stopped. */
export class HostWrites {
  readonly seen: HostWrite[] = [];

  constructor() {
    subscribe(CHANNEL, this.#note);
  }

  by(client: string): readonly HostWrite[] {
    return this.seen.filter((write) => write.client === client);
  }

  stop(): void {
    unsubscribe(CHANNEL, this.#note);
  }

  readonly #note = (message: unknown) => {
    const { method = '', url = '', socket } = (message as { request: IncomingMessage }).request;
    if (!(socket instanceof TLSSocket) || !/^\/v1\/(appliances|layers)\//.test(url) || method === 'GET')
      return;
    const client = String(socket.getPeerCertificate().subject?.CN);
    this.seen.push({ client, method, path: url, at: performance.now() });
  };
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

/** One request that reached the server and waits for the test's answer, good or bad. */
export interface TestRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Different for each connection. */
  readonly clientPort: number | undefined;
  json(status: number, body: unknown, headers?: Record<string, string>): void;
  text(status: number, body: string, contentType?: string): void;
  /** Begins an answer and leaves it open. */
  open(): void;
  /** Sends one watch event. */
  send(type: string, object: unknown): void;
  raw(text: string): void;
  end(text?: string): void;
  /** Resets the connection, as a crashing server does. */
  reset(): void;
  /** Resolves when the client closes the connection. */
  readonly closed: Promise<void>;
}

/** An HTTP server that answers only probes by itself: the test takes one request after the other, and answers as it likes. */
export interface TestServer {
  readonly kubeConfig: KubeConfig;
  /** The next request, in the order of arrival. */
  next(): Promise<TestRequest>;
  /** Requests that arrived so far. */
  readonly count: number;
  /** Probes (GET /livez) that arrived so far. The server answers them while `answersProbes`. */
  readonly probes: number;
  answersProbes: boolean;
  /** Connections that are open. */
  readonly connections: number;
  close(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startTestServer(): Promise<TestServer> {
  const waiting: TestRequest[] = [];
  const takers: ((request: TestRequest) => void)[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  let probes = 0;
  let answersProbes = true;
  const server = createServer(async (incoming, response) => {
    if (incoming.url === '/livez') {
      probes += 1;
      if (answersProbes) response.end('ok');
      return;
    }
    const request = await toRequest(incoming, response);
    count += 1;
    const taker = takers.shift();
    if (taker === undefined) {
      waiting.push(request);
    } else {
      taker(request);
    }
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    kubeConfig: kubeConfigFor(`http://127.0.0.1:${port}`),
    next: async () => waiting.shift() ?? (await new Promise<TestRequest>((resolve) => takers.push(resolve))),
    get count() {
      return count;
    },
    get connections() {
      return sockets.size;
    },
    get probes() {
      return probes;
    },
    get answersProbes() {
      return answersProbes;
    },
    set answersProbes(value) {
      answersProbes = value;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) {
          socket.destroy();
        }
      }),
  };
}

function kubeConfigFor(server: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  // Plain HTTP needs skipTLSVerify: client-node refuses it otherwise.
  kubeConfig.loadFromClusterAndUser(
    { name: 'test', server, skipTLSVerify: true },
    { name: 'tester', token: 'secret' },
  );
  return kubeConfig;
}

async function toRequest(incoming: IncomingMessage, response: ServerResponse): Promise<TestRequest> {
  let body = '';
  for await (const chunk of incoming.setEncoding('utf8')) {
    body += chunk;
  }
  const url = new URL(incoming.url ?? '/', 'http://server');
  return {
    method: incoming.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body,
    clientPort: incoming.socket.remotePort,
    json: (status, value, headers = {}) => {
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(value));
    },
    text: (status, value, contentType = 'text/html') => {
      response.writeHead(status, { 'content-type': contentType }).end(value);
    },
    open: () => {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    },
    send: (type, object) => {
      response.write(`${JSON.stringify({ type, object })}\n`);
    },
    raw: (text) => {
      response.write(text);
    },
    end: (text) => {
      response.end(text);
    },
    reset: () => {
      incoming.socket.resetAndDestroy();
    },
    closed: new Promise((resolve) => response.on('close', resolve)),
  };
}

/** The body of a list's answer. */
export function listOf(resourceVersion: string, items: readonly unknown[], next?: string) {
  return { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion, continue: next }, items };
}

/** The body of an error's answer. */
export function statusOf(code: number, reason: string, message: string, details?: unknown) {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details };
}

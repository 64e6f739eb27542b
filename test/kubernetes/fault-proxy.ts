import { createServer, type Agent as HttpAgent, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';

/** What becomes of requests while a fault lasts. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** The answer comes, but ends in its middle. */
  | { readonly kind: 'truncated' }
  /** The answer comes in bits, with pauses. */
  | { readonly kind: 'slow'; readonly pauseMs: number }
  /** Connections stay open and nothing passes, on those that are there either. */
  | { readonly kind: 'frozen' };

/** A request that passed, or tried to. */
export interface Passed {
  readonly method: string;
  readonly path: string;
  /** When it was asked, in milliseconds of performance.now(). */
  readonly at: number;
  /** When it was sent on to the server; undefined while, or if, it is not. */
  readonly sentAt?: number;
  /** Undefined while, or if, the server has not answered. */
  readonly status?: number;
}

/** An API server as seen through a proxy that reads HTTP, and answers as servers in trouble do. */
export interface FaultProxy {
  /** Plain HTTP, as the original's user. */
  readonly kubeConfig: KubeConfig;
  readonly passed: readonly Passed[];
  readonly open: number;
  /** Ends the fault that there is, and begins another one, if any. */
  fault(fault: Fault | undefined): void;
  /** Delays what watches of that resource send; 0 ends it. */
  delayWatches(plural: string, ms: number): void;
  /**
   * Whoever is behind the proxy is dead to the server once this many of its writes have passed: the answer to the last one, and all
   * that it asks later, is lost. Resolves then. Writes of Events and Leases do not count.
   */
  cutAfter(writes: number): Promise<void>;
  /** Resets every connection. */
  reset(): void;
  close(): Promise<void>;
}

type Noted = { -readonly [key in keyof Passed]: Passed[key] };

interface State {
  fault: Fault | undefined;
  thawed: PromiseWithResolvers<void>;
  readonly delays: Map<string, number>;
  readonly passed: Noted[];
  readonly sockets: Set<Socket>;
  /** How many writes may pass, and who waits for the last. */
  cut: { left: number; readonly done: () => void } | undefined;
}

/** Starts a proxy before the server of `original` on a free port. */
export async function startFaultProxy(original: KubeConfig): Promise<FaultProxy> {
  const cluster = original.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig has no cluster');
  const options: { ca?: string; cert?: string; key?: string } = {};
  await original.applyToHTTPSOptions(options);
  const upstream = new Agent({ ...options, keepAlive: false });
  const state: State = {
    fault: undefined,
    thawed: Promise.withResolvers(),
    delays: new Map(),
    passed: [],
    sockets: new Set(),
    cut: undefined,
  };
  state.thawed.resolve();
  const server = createServer((asked, answer) => {
    void handle(state, cluster.server, upstream, asked, answer).catch(() => answer.destroy());
  });
  server.on('connection', (socket) => {
    state.sockets.add(socket);
    socket.on('close', () => state.sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reset = () => {
    for (const socket of state.sockets) socket.resetAndDestroy();
  };
  return {
    kubeConfig: at(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    passed: state.passed,
    get open() {
      return state.sockets.size;
    },
    fault: (fault) => {
      state.fault = fault;
      if (fault?.kind === 'frozen') state.thawed = Promise.withResolvers();
      else state.thawed.resolve();
    },
    cutAfter: (writes) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      state.cut = { left: writes, done: resolve };
      return promise;
    },
    delayWatches: (plural, ms) => void state.delays.set(plural, ms),
    reset,
    close: async () => {
      state.thawed.resolve();
      reset();
      upstream.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function at(server: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromOptions({
    clusters: [{ name: 'proxy', server, skipTLSVerify: true }],
    users: [{ name: 'proxy' }],
    contexts: [{ name: 'proxy', cluster: 'proxy', user: 'proxy' }],
    currentContext: 'proxy',
  });
  return kubeConfig;
}

async function handle(
  state: State,
  server: string,
  agent: Agent | HttpAgent,
  asked: IncomingMessage,
  answer: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/' } = asked;
  const body = await read(asked);
  const noted: Noted = { method, path: url, at: performance.now() };
  state.passed.push(noted);
  const { fault } = state;
  if (fault?.kind === 'status') {
    refuse(answer, fault);
    return;
  }
  await state.thawed.promise;
  // Who asked may have given up meanwhile: what it wanted then must not be done now.
  if (answer.destroyed) return;
  if (state.cut?.left === 0) {
    answer.destroy();
    return;
  }
  const isLast = countDown(state, method, url);
  noted.sentAt = performance.now();
  const response = await ask(`${server}${url}`, agent, asked, body, answer);
  noted.status = response.statusCode;
  if (isLast) {
    // The server has carried it out.
    response.resume();
    answer.destroy();
    state.cut?.done();
    return;
  }
  answer.writeHead(response.statusCode ?? 502, headersOf(response, fault));
  if (fault?.kind === 'truncated') await truncate(response, answer);
  else await pass(state, response, answer, delayOf(state, url));
}

/** Whether this write is the last one that passes. */
function countDown({ cut }: State, method: string, url: string): boolean {
  if (cut === undefined || method === 'GET' || /\/(events|leases|selfsubject)/.test(url)) return false;
  cut.left -= 1;
  return cut.left === 0;
}

async function read(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function ask(
  url: string,
  agent: Agent | HttpAgent,
  { method, headers }: IncomingMessage,
  body: Buffer,
  answer: ServerResponse,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...headers, connection: 'close' }, agent }, resolve);
    sent.on('error', reject);
    answer.on('close', () => sent.destroy());
    sent.end(body);
  });
}

/** Without the length where it will not be kept, so that the client waits for what does not come. */
function headersOf({ headers }: IncomingMessage, fault: Fault | undefined): NodeJS.Dict<string | string[]> {
  const { connection: _, 'transfer-encoding': __, ...kept } = headers;
  if (fault?.kind === 'truncated') delete kept['content-length'];
  return kept;
}

function refuse(
  answer: ServerResponse,
  { status, retryAfterSeconds }: Extract<Fault, { kind: 'status' }>,
): void {
  const reasons: Record<number, string> = { 410: 'Expired', 429: 'TooManyRequests', 500: 'InternalError' };
  const content = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code: status,
    reason: reasons[status] ?? 'Unknown',
    message: 'a fault that a test made',
  };
  const retry = retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
  answer.writeHead(status, { 'Content-Type': 'application/json', ...retry });
  answer.end(JSON.stringify(content));
}

async function truncate(response: IncomingMessage, answer: ServerResponse): Promise<void> {
  for await (const chunk of response) {
    const bytes = chunk as Buffer;
    answer.write(bytes.subarray(0, Math.ceil(bytes.length / 2)));
    break;
  }
  answer.end();
}

async function pass(
  state: State,
  response: IncomingMessage,
  answer: ServerResponse,
  waitMs: () => number,
): Promise<void> {
  answer.flushHeaders();
  for await (const chunk of response) {
    if (waitMs() > 0) await delay(waitMs());
    await state.thawed.promise;
    await trickle(chunk as Buffer, answer, () => (state.fault?.kind === 'slow' ? state.fault.pauseMs : 0));
  }
  answer.end();
}

/** In bits, for as long as there are to be pauses between them: a watch outlives the fault that it began with. */
async function trickle(bytes: Buffer, answer: ServerResponse, pauseMs: () => number): Promise<void> {
  const bit = Math.max(1, Math.ceil(bytes.length / 10));
  let start = 0;
  for (; pauseMs() > 0 && start < bytes.length; start += bit) {
    answer.write(bytes.subarray(start, start + bit));
    await delay(pauseMs());
  }
  if (start < bytes.length) answer.write(bytes.subarray(start));
}

/** How long what a watch sends is held back now. */
function delayOf(state: State, url: string): () => number {
  const { pathname, searchParams } = new URL(url, 'http://proxy');
  if (!searchParams.has('watch')) return () => 0;
  const plural = pathname.split('/').at(-1) ?? '';
  return () => state.delays.get(plural) ?? 0;
}

import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { load } from 'js-yaml';
import { pino } from 'pino';
import { type ApiServer, type ApiServerOptions, startApiServer } from '../../../src/apiserver/server.ts';
import type { KubeObject } from '../../../src/apiserver/types.ts';
import { ensurePki, type Pki } from '../../../src/main/pki.ts';
import { protobufEvents, readProtobuf } from './protobuf.ts';

export const ADMIN_TOKEN = 'admin-token';
export const BOB_TOKEN = 'bob-token';

/** A response, its body parsed if it is JSON, YAML or protobuf. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every shape, and fail where they are not as expected
  readonly body: any;
}

interface CallOptions {
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Record<string, string | string[]>;
  /** Instead of the caller's own credentials; '' sends none. */
  readonly token?: string;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject & { code?: number; reason?: string };
}

const PROTOBUF = 'application/vnd.kubernetes.protobuf';

function mediaTypeOf({ headers }: IncomingMessage): string {
  return (headers['content-type'] ?? '').split(';')[0] ?? '';
}

function parsed(mediaType: string, bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (mediaType === 'application/json') return JSON.parse(bytes.toString());
  if (mediaType === 'application/yaml') return load(bytes.toString());
  return mediaType === PROTOBUF ? readProtobuf(bytes) : undefined;
}

async function* jsonEvents(response: IncomingMessage): AsyncGenerator<unknown> {
  for await (const line of createInterface({ input: response })) yield JSON.parse(line);
}

/** An open watch: events come one by one. */
export class Watch {
  readonly #response: IncomingMessage;
  readonly #events: AsyncIterator<unknown>;

  constructor(response: IncomingMessage) {
    this.#response = response;
    const isProtobuf = mediaTypeOf(response) === PROTOBUF;
    this.#events = isProtobuf ? protobufEvents(response) : jsonEvents(response);
  }

  /** The next event; undefined when the server has ended the watch. */
  async next(): Promise<WatchEvent | undefined> {
    const { done, value } = await this.#events.next();
    return done ? undefined : (value as WatchEvent);
  }

  /** The next `count` events as `TYPE name`. */
  async take(count: number): Promise<string[]> {
    const taken: string[] = [];
    while (taken.length < count) {
      const event = await this.next();
      if (event === undefined) throw new Error(`the watch ended after ${taken.join(', ')}`);
      taken.push(`${event.type} ${event.object.metadata.name}`);
    }
    return taken;
  }

  /** Everything until the server ends the watch. */
  async rest(): Promise<WatchEvent[]> {
    const events: WatchEvent[] = [];
    for (let event = await this.next(); event !== undefined; event = await this.next()) events.push(event);
    return events;
  }

  close(): void {
    this.#response.destroy();
  }
}

/** Calls an API server as a plain HTTPS client. */
export class Caller {
  readonly #url: string;
  readonly #agent: Agent;
  /** Shows no certificate. */
  readonly #bare: Agent;
  readonly #token: string;

  /** @param certificate who the caller is; without one it shows the admin's token */
  constructor(url: string, ca: string, certificate?: { cert: string; key: string }) {
    this.#url = url;
    const options = { ca, keepAlive: true, maxSockets: 64 };
    this.#agent = new Agent({ ...options, ...certificate });
    this.#bare = new Agent(options);
    this.#token = certificate === undefined ? ADMIN_TOKEN : '';
  }

  async open(method: string, path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    const { body, type = 'application/json', headers = {}, token = this.#token } = options;
    const isSentAsIs = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const text = isSentAsIs ? body : JSON.stringify(body);
    const credentials = token === '' ? {} : { Authorization: `Bearer ${token}` };
    const length = Buffer.byteLength(text ?? '');
    const content = text === undefined ? {} : { 'Content-Type': type, 'Content-Length': length };
    const sent = request(`${this.#url}${path}`, {
      method,
      agent: options.token === undefined ? this.#agent : this.#bare,
      headers: { 'User-Agent': 'tests/1', ...credentials, ...content, ...headers },
    });
    sent.end(text);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    // Once there is an answer it does not matter whether all of the request could be sent.
    sent.on('error', () => undefined);
    return response;
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const response = await this.open(method, path, options);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text: bytes.toString(),
      body: parsed(mediaTypeOf(response), bytes),
    };
  }

  get(path: string, options?: CallOptions): Promise<Reply> {
    return this.call('GET', path, options);
  }

  post(path: string, body: unknown): Promise<Reply> {
    return this.call('POST', path, { body });
  }

  merge(path: string, body: unknown): Promise<Reply> {
    return this.call('PATCH', path, { body, type: 'application/merge-patch+json' });
  }

  delete(path: string, body?: unknown): Promise<Reply> {
    return this.call('DELETE', path, { body });
  }

  async watch(path: string, headers: Record<string, string | string[]> = {}): Promise<Watch> {
    const response = await this.open('GET', `${path}${path.includes('?') ? '&' : '?'}watch=1`, { headers });
    return new Watch(response);
  }

  close(): void {
    this.#agent.destroy();
    this.#bare.destroy();
  }
}

export type WorldOptions = Partial<Omit<ApiServerOptions, 'listen' | 'tls' | 'tokens'>>;
type Names = 'server' | 'admin' | 'carol';

/** An API server of one's own, with a kubeconfig, that can be stopped and started on the same data. */
export class World {
  readonly dir: string;
  readonly pki: Pki<Names>;
  readonly kubeconfig: string;
  readonly #options: WorldOptions;
  #server: ApiServer;
  #caller: Caller;

  constructor(dir: string, pki: Pki<Names>, options: WorldOptions, server: ApiServer) {
    this.dir = dir;
    this.pki = pki;
    this.kubeconfig = join(dir, 'kubeconfig');
    this.#options = options;
    this.#server = server;
    this.#caller = new Caller(server.url, pki.ca.cert);
  }

  get url(): string {
    return this.#server.url;
  }

  get api(): Caller {
    return this.#caller;
  }

  /** Closes the server; resolves when its storage is closed, too. */
  async stop(): Promise<void> {
    await this.#server.close();
    this.#caller.close();
  }

  /** Starts again on the same data. */
  async start(): Promise<void> {
    this.#server = await startApiServer(serverOptions(this.dir, this.pki, this.#options));
    this.#caller = new Caller(this.#server.url, this.pki.ca.cert);
    await this.writeKubeconfig();
  }

  async end(): Promise<void> {
    await this.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  async writeKubeconfig(): Promise<void> {
    const content = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'test', cluster: { server: this.url, 'certificate-authority': this.pki.ca.certPath } },
      ],
      users: [{ name: 'test', user: { token: ADMIN_TOKEN } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    };
    await writeFile(this.kubeconfig, JSON.stringify(content));
  }
}

/** The fixture: a namespaced kind with status, scale, defaults, bounds, CEL rules, columns and a selectable field. */
export function widgetCrd(): Promise<KubeObject> {
  return fixture('widgets');
}

/** Another fixture: whatever a schema can say, in three versions. */
export function gizmoCrd(): Promise<KubeObject> {
  return fixture('gizmos');
}

async function fixture(name: string): Promise<KubeObject> {
  return load(await readFile(new URL(`./fixtures/${name}.yaml`, import.meta.url), 'utf8')) as KubeObject;
}

export async function testPki(dir: string): Promise<Pki<Names>> {
  return ensurePki<Names>(join(dir, 'pki'), {
    caCommonName: 'test-ca',
    now: Date.now(),
    certificates: {
      server: { commonName: 'coppice-api', ips: ['127.0.0.1'], dnsNames: ['localhost'], usage: 'server' },
      admin: { commonName: 'admin', organizations: ['system:masters'], usage: 'client' },
      carol: { commonName: 'carol', organizations: ['devs'], usage: 'client' },
    },
  });
}

function serverOptions(dir: string, pki: Pki<Names>, options: WorldOptions): ApiServerOptions {
  const { key, cert } = pki.certificates.server;
  return {
    storagePath: join(dir, 'api.db'),
    listen: { host: '127.0.0.1', port: 0 },
    tls: { key, cert, clientCa: pki.ca.cert },
    tokens: [
      { token: ADMIN_TOKEN, user: 'root', groups: ['system:masters'] },
      { token: BOB_TOKEN, user: 'bob', groups: ['devs'] },
    ],
    crds: [],
    log: pino({ level: 'silent' }),
    ...options,
  };
}

/** Starts a server with the Widget kind. */
export async function newWorld(options: WorldOptions = {}): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'coppice-apiserver-'));
  try {
    const pki = await testPki(dir);
    const withWidgets = { crds: [await widgetCrd()], ...options };
    const server = await startApiServer(serverOptions(dir, pki, withWidgets));
    const world = new World(dir, pki, withWidgets, server);
    await world.writeKubeconfig();
    return world;
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

export const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

/** A manifest with the smallest spec that is valid. */
export function widget(name: string, spec: object = {}, metadata: object = {}): object {
  const full = { colour: 'green', ...spec };
  return { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, ...metadata }, spec: full };
}

export function configMap(name: string, data: object = {}, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

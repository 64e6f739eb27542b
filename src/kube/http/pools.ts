import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../../base/clock.ts';
import type { Dispatcher } from '../../base/http.ts';
import { setOwn } from '../../base/own.ts';
import { type Connections, connect, fingerprintOf } from './connections.ts';

/** How long credentials and certificates read from files are used before they are read again. */
const credentialLifeMs = 10_000;

type Headers = Readonly<Record<string, string>>;

interface Credentials {
  readonly options: RequestOptions;
  readonly fingerprint: string;
}

/** The headers and the connections for a request. */
export interface Access {
  readonly headers: Headers;
  readonly connections: Connections;
}

/** The connections to one API server, and the credentials with which they are made. Replaces both when credentials change. */
export class Pools {
  readonly #kubeConfig: KubeConfig;
  readonly #clock: Clock;
  #credentials: Promise<Credentials> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #current: (Access & { readonly fingerprint: string }) | undefined;
  /** Pools that were replaced and still have requests under way. */
  readonly #retired = new Set<Dispatcher>();
  #isClosed = false;

  constructor(kubeConfig: KubeConfig, clock: Clock) {
    this.#kubeConfig = kubeConfig;
    this.#clock = clock;
  }

  /** Rejects when the credentials cannot be read, or the pools are closed. */
  async access(): Promise<Access> {
    const { options, fingerprint } = await this.#readCredentials();
    if (this.#isClosed) throw new Error('the client is closed');
    if (this.#current?.fingerprint !== fingerprint) this.#retire();
    const connections = this.#current?.connections ?? connect(this.#kubeConfig, options);
    this.#current = { connections, fingerprint, headers: headersOf(options) };
    return this.#current;
  }

  /** What the last request used; undefined when nothing is open. */
  get last(): Access | undefined {
    return this.#current;
  }

  /** Makes the next request read credentials and certificates again. */
  refreshCredentials(): void {
    this.#credentials = undefined;
  }

  /** Makes the next request use a new connection. Watches stay where they are. */
  renewRequests(): void {
    this.refreshCredentials();
    if (this.#current === undefined) return;
    const { connections } = this.#current;
    this.#letGo(connections.requests);
    this.#current = {
      ...this.#current,
      connections: { ...connections, requests: connections.makeRequests() },
    };
  }

  /** Ends every connection; requests under way on it fail with `reason`. The next request opens new ones. */
  async destroy(reason: Error): Promise<void> {
    const all = [...this.#retired, ...dispatchersOf(this.#current)];
    this.#retired.clear();
    this.#current = undefined;
    this.refreshCredentials();
    await Promise.all(all.map((dispatcher) => dispatcher.destroy(reason)));
  }

  /** Ends every connection for good: later requests are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.destroy(new Error('the client is closed'));
  }

  #readCredentials(): Promise<Credentials> {
    const now = this.#clock.monotonic();
    if (this.#credentials === undefined || now - this.#readAtMs > credentialLifeMs) {
      this.#readAtMs = now;
      const reading = readCredentials(this.#kubeConfig);
      this.#credentials = reading;
      reading.catch(() => {
        if (this.#credentials === reading) this.#credentials = undefined;
      });
    }
    return this.#credentials;
  }

  #retire(): void {
    for (const dispatcher of dispatchersOf(this.#current)) this.#letGo(dispatcher);
    this.#current = undefined;
  }

  /** Closes the pool when the requests under way on it have ended. */
  #letGo(dispatcher: Dispatcher): void {
    this.#retired.add(dispatcher);
    void Promise.allSettled([dispatcher.close()]).then(() => this.#retired.delete(dispatcher));
  }
}

function dispatchersOf(access: Access | undefined): readonly Dispatcher[] {
  if (access === undefined) return [];
  const { requests, watches, probe } = access.connections;
  return [requests, watches, probe];
}

async function readCredentials(kubeConfig: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = { headers: {} };
  await kubeConfig.applyToHTTPSOptions(options);
  return { options, fingerprint: fingerprintOf(options) };
}

function headersOf(options: RequestOptions): Headers {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) {
      setOwn(headers, name.toLowerCase(), String(value));
    }
  }
  if (typeof options.auth === 'string') {
    headers.authorization ??= `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}

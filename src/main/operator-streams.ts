import type { Server } from 'node:https';
import type { Logger } from 'pino';
import { CONFIG_MAPS } from '../api/kinds.ts';
import { type Clock, sleep } from '../base/clock.ts';
import type { KubeObject, ResourceRef } from '../base/object.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { createStreamsServer } from '../streams/server.ts';
import { TRUST_CONFIG_MAP, type Trust, trustIn } from '../streams/trust.ts';
import type { KeyPair } from './certificates.ts';
import { issueCertificate } from './certificates-on-demand.ts';
import type { HostCredentials } from './host-credentials.ts';
import { listenAt } from './listening.ts';
import { OBJECT_NAMES } from './permissions.ts';

/** Where the operator serves an appliance's streams, and with which certificate. */
export interface StreamsConfig {
  readonly listen: { readonly host: string; readonly port: number };
  /**
   * PEMs; or the DNS name of the Service before it: then the certificate is issued by the hosts' authority, and the APIService
   * gets that authority.
   */
  readonly identity: { readonly cert: string; readonly key: string } | { readonly serviceName: string };
}

interface StreamsOptions extends StreamsConfig {
  readonly client: Pick<KubeClient, 'create' | 'get' | 'list' | 'patch'>;
  readonly credentials: Pick<HostCredentials, 'current'>;
  readonly clock: Clock;
  readonly log: Logger;
}

interface ApiService extends KubeObject {
  spec: { caBundle?: string };
}

const API_SERVICES: ResourceRef<ApiService> = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  plural: 'apiservices',
  kind: 'APIService',
  namespaced: false,
};

/** How often it reads again which authorities to trust, and whether the hosts' authority has changed. */
const LOOK_MS = 60_000;
const RETRY_MS = 1_000;
const SERVER_DAYS = 3650;

/** A running server of streams. */
export interface Streams {
  /** Undefined while it has no certificate yet. */
  readonly url: string | undefined;
  close(): Promise<void>;
}

/**
 * Serves streams as soon as there is a certificate for it, and keeps what it believes and what it is believed by up to date. Every
 * replica serves, whoever leads.
 */
export function serveStreams(options: StreamsOptions): Streams {
  const stop = new AbortController();
  const keeper = new StreamsKeeper(options);
  const keeping = keeper.keep(stop.signal);
  return {
    get url() {
      return keeper.url;
    },
    close: async () => {
      stop.abort(new Error('streams are served no more'));
      await keeping;
      await keeper.close();
    },
  };
}

class StreamsKeeper {
  readonly #options: StreamsOptions;
  #trust: Trust | undefined;
  #listening: { readonly server: Server; readonly url: string; close(): Promise<void> } | undefined;
  /** The certificate that the hosts' authority issued, and that authority. */
  #issued: { readonly authority: KeyPair; readonly pair: KeyPair } | undefined;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get url(): string | undefined {
    return this.#listening?.url;
  }

  async keep(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let told: string | undefined;
    while (!signal.aborted) {
      const problem = await this.#look().catch((error: unknown) =>
        error instanceof Error ? error.message : String(error),
      );
      if (problem !== undefined && problem !== told) log.warn(`streams: ${problem}`);
      told = problem;
      // Only the signal ends the sleep early, and the loop sees it.
      await sleep(clock, problem === undefined ? LOOK_MS : RETRY_MS, signal).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#listening?.close();
  }

  /** Resolves with what is still missing, in words. */
  async #look(): Promise<string | undefined> {
    const { client, clock, listen, log } = this.#options;
    this.#trust = trustIn(await client.get(CONFIG_MAPS, TRUST_CONFIG_MAP));
    const pair = await this.#certificate();
    if (pair === undefined) return 'the operator has no authority for their certificate yet';
    const context = { ...pair, ca: this.#trust.pem };
    if (this.#listening === undefined) {
      const trust = () => this.#trust;
      const hostTls = () => this.#options.credentials.current()?.tls;
      const server = createStreamsServer({ client, trust, hostTls, clock, log }, context);
      this.#listening = { server, ...(await listenAt(server, listen, 'https')) };
      log.info({ url: this.#listening.url }, 'streams are served');
    } else {
      this.#listening.server.setSecureContext({ ...context, minVersion: 'TLSv1.2' });
    }
    if (this.#issued !== undefined) await this.#introduce(this.#issued.authority.cert);
    return undefined;
  }

  async #certificate(): Promise<{ readonly cert: string; readonly key: string } | undefined> {
    const { credentials, clock, identity } = this.#options;
    if ('cert' in identity) return identity;
    const authority = credentials.current()?.authority;
    if (authority === undefined) return undefined;
    if (this.#issued?.authority.cert !== authority.cert) {
      const { serviceName } = identity;
      const request = { commonName: serviceName, dnsNames: [serviceName], usage: 'server' } as const;
      const pair = await issueCertificate(authority, { ...request, days: SERVER_DAYS, now: clock.now() });
      this.#issued = { authority, pair };
    }
    return this.#issued?.pair;
  }

  /** Tells the API server by which authority it knows this server, where it passes requests on at all. */
  async #introduce(ca: string): Promise<void> {
    const { client } = this.#options;
    const name = { name: OBJECT_NAMES.apiService };
    const caBundle = Buffer.from(ca).toString('base64');
    try {
      const { spec } = await client.get(API_SERVICES, name);
      if (spec.caBundle !== caBundle) await client.patch(API_SERVICES, name, { spec: { caBundle } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

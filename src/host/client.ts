import { fencedBody } from '../base/fenced-body.ts';
import { Agent, type Dispatcher } from '../base/http.ts';
import { shownUrl } from '../base/shown-url.ts';
import { type Credentials, createConnector } from './connector.ts';
import { readEventStream } from './event-stream.ts';
import type {
  ApplianceStatus,
  DesiredAppliance,
  DesiredImport,
  DesiredLayer,
  DesiredSeal,
  ErrorBody,
  HostEvent,
  HostStatus,
  ImportKey,
  ImportStatus,
  LayerIdentity,
  LayerLogQuery,
  LayerStatus,
  Problem,
  SealStatus,
  Sha256,
  VerifyRequest,
} from './protocol.ts';
import { hostServerName } from './protocol.ts';

export type HostClientOptions = Credentials & {
  /** Name of the Host: the daemon's certificate must carry it. */
  readonly hostName: string;
  /** `https://address:port` at which the daemon listens. */
  readonly url: string;
  /** How long a call may take; default 30 s. */
  readonly timeoutMs?: number;
  /** How long the event stream may be silent before it counts as dead; default 25 s. The daemon sends something every 10 s. */
  readonly eventSilenceMs?: number;
};

export type CallOptions = {
  readonly signal?: AbortSignal;
  /** Called just before the request is written to its connection; if it throws, nothing is sent and the call rejects. */
  readonly beforeSend?: () => void;
};

/** A daemon's answer that is not 2xx; with status 0, there was no answer. */
export class HostApiError extends Error {
  override readonly name = 'HostApiError';
  /** HTTP status; 0 when the daemon could not be reached or did not answer in time. */
  readonly status: number;
  readonly problem: Problem & { readonly field?: string };

  constructor(status: number, problem: Problem & { readonly field?: string }, cause?: unknown) {
    super(problem.message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.problem = problem;
  }
}

export type NumberedHostEvent = { readonly id: string; readonly event: HostEvent };

/** At most this many calls to a daemon run at once; without a limit each would open its own connection. */
const CONNECTIONS = 4;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_EVENT_SILENCE_MS = 25_000;

/** One host's daemon, as the operator and the command line call it. All calls reject with {@link HostApiError}. */
export class HostClient {
  readonly #options: HostClientOptions;
  readonly #calls: Agent;
  /** Separate, so that slow calls never delay events. */
  readonly #streams: Agent;

  constructor(options: HostClientOptions) {
    this.#options = options;
    const connect = createConnector(options, hostServerName(options.hostName));
    this.#calls = new Agent({ connect, connections: CONNECTIONS });
    this.#streams = new Agent({ connect });
  }

  async getHost(options?: CallOptions): Promise<HostStatus> {
    return (await this.#json('GET', '/v1/host', undefined, options)) as HostStatus;
  }

  async listAppliances(options?: CallOptions): Promise<readonly ApplianceStatus[]> {
    const body = await this.#json('GET', '/v1/appliances', undefined, options);
    return (body as { appliances: readonly ApplianceStatus[] }).appliances;
  }

  /** Undefined when the host has no such appliance. */
  async getAppliance(uuid: string, options?: CallOptions): Promise<ApplianceStatus | undefined> {
    const path = `/v1/appliances/${uuid}`;
    return (await unlessMissing(this.#json('GET', path, undefined, options))) as ApplianceStatus | undefined;
  }

  /** Idempotent. Status 409 when the host knows a newer generation, is deleting the appliance, or the change is not allowed. */
  async putAppliance(desired: DesiredAppliance, options?: CallOptions): Promise<ApplianceStatus> {
    const path = `/v1/appliances/${desired.uuid}`;
    return (await this.#json('PUT', path, desired, options)) as ApplianceStatus;
  }

  /** Undefined when it is gone. Otherwise deletion is under way, and it is gone when `getAppliance` returns undefined. */
  async deleteAppliance(uuid: string, options?: CallOptions): Promise<ApplianceStatus | undefined> {
    const path = `/v1/appliances/${uuid}`;
    return (await unlessMissing(this.#json('DELETE', path, undefined, options))) as
      | ApplianceStatus
      | undefined;
  }

  /** The last bytes its VM wrote to the console. */
  async getConsole(uuid: string, bytes: number, options?: CallOptions): Promise<string> {
    return this.#call('GET', `/v1/appliances/${uuid}/console?bytes=${bytes}`, undefined, options);
  }

  /** The last bytes that the steps of its build printed. */
  async getBuildLog(uuid: string, bytes: number, options?: CallOptions): Promise<string> {
    return this.#call('GET', `/v1/appliances/${uuid}/build-log?bytes=${bytes}`, undefined, options);
  }

  async putImport(sha256: Sha256, desired: DesiredImport, options?: CallOptions): Promise<ImportStatus> {
    return (await this.#json('PUT', `/v1/imports/${sha256}`, desired, options)) as ImportStatus;
  }

  /** Resolves when it is gone, or did not exist. The layer that it became stays. */
  async deleteImport({ sha256, kind, namespace }: ImportKey, options?: CallOptions): Promise<void> {
    const path = `/v1/imports/${sha256}?kind=${kind}&namespace=${namespace}`;
    await unlessMissing(this.#call('DELETE', path, undefined, options));
  }

  async listLayers(options?: CallOptions): Promise<readonly LayerStatus[]> {
    const body = await this.#json('GET', '/v1/layers', undefined, options);
    return (body as { layers: readonly LayerStatus[] }).layers;
  }

  /** Undefined when the host does not have it. */
  async getLayer(identity: LayerIdentity, options?: CallOptions): Promise<LayerStatus | undefined> {
    const path = `/v1/layers/${identity}`;
    return (await unlessMissing(this.#json('GET', path, undefined, options))) as LayerStatus | undefined;
  }

  async putLayer(
    identity: LayerIdentity,
    desired: DesiredLayer,
    options?: CallOptions,
  ): Promise<LayerStatus> {
    return (await this.#json('PUT', `/v1/layers/${identity}`, desired, options)) as LayerStatus;
  }

  /** The last bytes of the log of the build that became the layer. Status 404 when the host keeps none. */
  async getLayerLog(
    identity: LayerIdentity,
    { namespace, source, bytes }: Required<Omit<LayerLogQuery, 'bytes'>> & { readonly bytes: number },
    options?: CallOptions,
  ): Promise<string> {
    const path = `/v1/layers/${identity}/log?namespace=${namespace}&source=${source}&bytes=${bytes}`;
    return this.#call('GET', path, undefined, options);
  }

  /** Resolves when it is gone, or did not exist. Status 409 while appliances or other layers stand on it. */
  async deleteLayer(identity: LayerIdentity, options?: CallOptions): Promise<void> {
    await unlessMissing(this.#call('DELETE', `/v1/layers/${identity}`, undefined, options));
  }

  /** Has the host read the layer's file again; idempotent for the same request. Status 404 when the host does not have the layer. */
  async verifyLayer(
    identity: LayerIdentity,
    request: VerifyRequest,
    options?: CallOptions,
  ): Promise<LayerStatus> {
    return (await this.#json('POST', `/v1/layers/${identity}/verify`, request, options)) as LayerStatus;
  }

  async putSeal(uuid: string, desired: DesiredSeal, options?: CallOptions): Promise<SealStatus> {
    return (await this.#json('PUT', `/v1/seals/${uuid}`, desired, options)) as SealStatus;
  }

  /** Resolves when it is gone, or did not exist. The layer that it became stays. */
  async deleteSeal(uuid: string, options?: CallOptions): Promise<void> {
    await unlessMissing(this.#call('DELETE', `/v1/seals/${uuid}`, undefined, options));
  }

  /** Whether the daemon has found everything that is on its host; false also when it cannot be reached. */
  async isReady(options?: CallOptions): Promise<boolean> {
    return this.#call('GET', '/readyz', undefined, options).then(
      () => true,
      () => false,
    );
  }

  /**
   * The host's events after the one with `lastEventId`. Without it, or when the host no longer knows it, a `reset` comes first,
   * then the state of everything. Ends when the daemon ends the stream or the signal fires. Rejects when the stream breaks or
   * falls silent: then call again with the last id seen.
   */
  async *events(lastEventId: string | undefined, signal: AbortSignal): AsyncGenerator<NumberedHostEvent> {
    const headers = lastEventId === undefined || lastEventId === '' ? {} : { 'last-event-id': lastEventId };
    const silenceMs = this.#options.eventSilenceMs ?? DEFAULT_EVENT_SILENCE_MS;
    try {
      const { statusCode, body } = await this.#streams.request({
        origin: this.#options.url,
        path: '/v1/events',
        method: 'GET',
        headers: { accept: 'text/event-stream', ...headers },
        signal,
        headersTimeout: this.#timeoutMs,
        bodyTimeout: silenceMs,
      });
      if (statusCode !== 200) throw toApiError(statusCode, await body.text());
      for await (const { id, data } of readEventStream(body, lastEventId ?? '')) {
        if (signal.aborted) return;
        yield { id, event: JSON.parse(data) as HostEvent };
      }
    } catch (error) {
      if (signal.aborted) return;
      throw asApiError(error, this.#options);
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([this.#calls.destroy(), this.#streams.destroy()]);
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  async #json(method: Dispatcher.HttpMethod, path: string, body: unknown, options?: CallOptions) {
    return JSON.parse(await this.#call(method, path, body, options)) as unknown;
  }

  async #call(
    method: Dispatcher.HttpMethod,
    path: string,
    body: unknown,
    options: CallOptions = {},
  ): Promise<string> {
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    try {
      const response = await this.#calls.request({
        origin: this.#options.url,
        path,
        method,
        signal: options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]),
        headers: content === undefined ? {} : headersFor(content),
        body: options.beforeSend === undefined ? (content ?? null) : fencedBody(content, options.beforeSend),
      });
      const text = await response.body.text();
      if (response.statusCode >= 200 && response.statusCode < 300) return text;
      throw toApiError(response.statusCode, text);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw asApiError(error, this.#options);
    }
  }
}

function headersFor(content: Buffer): Record<string, string> {
  return { 'content-type': 'application/json', 'content-length': String(content.length) };
}

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof HostApiError && error.status === 404) return undefined;
    throw error;
  }
}

function toApiError(status: number, text: string): HostApiError {
  try {
    const { error } = JSON.parse(text) as Partial<ErrorBody>;
    if (typeof error?.reason === 'string') return new HostApiError(status, error);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const message = `the host answered with status ${status}: ${text.slice(0, 200)}`;
  return new HostApiError(status, { reason: 'UnexpectedAnswer', message });
}

function asApiError(error: unknown, { hostName, url }: HostClientOptions): HostApiError {
  if (error instanceof HostApiError) return error;
  const cause = error instanceof Error ? error.message || error.name : String(error);
  const message = `host ${hostName} at ${shownUrl(url)} cannot be reached: ${cause}`;
  return new HostApiError(0, { reason: 'HostUnreachable', message }, error);
}

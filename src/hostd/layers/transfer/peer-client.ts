import { X509Certificate } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { Agent, type Dispatcher, send } from '../../../base/http.ts';
import { own } from '../../../base/own.ts';
import { startTimeout } from '../../../base/timeout.ts';
import { type Credentials, createConnector } from '../../../host/connector.ts';
import { LAYER_KINDS } from '../../../host/layer-schemas.ts';
import { hostServerName } from '../../../host/protocol.ts';
import { hostErrors } from '../../errors/index.ts';
import { chunksIn } from '../content/chunks.ts';
import type { LayerShape } from '../content/identity.ts';
import { MINIMUM_RATE, type RatePolicy } from '../rate-watch.ts';
import { AnswerBody } from './answer-body.ts';
import { type Peer, PeerFailure } from './peer-failure.ts';
import { bytesOf, type ChunkRange, SHAPE_HEADER } from './protocol.ts';

export type PeerPace = {
  /** Time for an answer to begin, in milliseconds: longer than a peer lets others wait for their turn. */
  readonly answerMs: number;
  /** How long a peer may be silent in the middle of an answer, in milliseconds. */
  readonly silentMs: number;
  /** How long a peer is not asked again after it said that it is busy, in milliseconds. */
  readonly busyMs: number;
  /** A slower peer is left for another one. */
  readonly minimumRate: RatePolicy;
};

export const PEER_PACE: PeerPace = {
  answerMs: 30_000,
  silentMs: 10_000,
  busyMs: 5_000,
  minimumRate: MINIMUM_RATE,
};

export type PeerClientOptions = {
  readonly peer: Peer;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly pace: PeerPace;
};

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
/** Of a manifest: its mark, and a run for each chunk. */
const MARK_BYTES = 64;
const LONGEST_RUN_BYTES = 39;
const MOST_MANIFEST_BYTES = 1024 ** 3;
const LONGEST_REFUSAL_BYTES = 4096;
const IDENTITY = /^[0-9a-f]{64}$/;

/** @throws HostError CertificateNotForClients when no other host would answer a daemon with this certificate */
export function requireClientCertificate({ cert }: Credentials): void {
  const usages = new X509Certificate(cert).keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.includes(CLIENT_AUTH)) throw hostErrors.certificateNotForClients();
}

/** Reads layers of another host. All calls reject with a `PeerFailure`, or with the signal's reason. */
export class PeerClient {
  readonly peer: Peer;
  readonly #options: PeerClientOptions;
  readonly #agent: Agent;

  constructor(options: PeerClientOptions) {
    this.peer = options.peer;
    this.#options = options;
    this.#agent = new Agent({
      connect: createConnector(options.credentials, hostServerName(options.peer.host)),
    });
  }

  /** What the peer says that the layer is, and its manifest's bytes. Neither is checked. */
  async manifest(
    identity: string,
    signal: AbortSignal,
  ): Promise<{ readonly shape: LayerShape; readonly bytes: Buffer }> {
    const wrong = (problem: string) =>
      this.#failure(hostErrors.peerWrongManifest(this.peer.host, identity, problem));
    const { headers, body: stream } = await this.#ask(identity, 'manifest', undefined, signal);
    const length = Number(headers['content-length'] ?? Number.NaN);
    const body = this.#bodyOf(stream, length, signal, () => false);
    try {
      const shape = shapeIn(headers[SHAPE_HEADER]);
      if (shape === undefined) throw wrong('it says nothing of its shape');
      if (!(length <= mostManifestBytes(shape))) throw wrong(`its manifest has ${length} bytes`);
      const bytes = Buffer.alloc(length);
      const { failure } = await body.fill(bytes);
      if (failure !== undefined) throw failure;
      await body.end();
      return { shape, bytes };
    } finally {
      body.destroy();
    }
  }

  /**
   * The bytes of chunks, in the order of the ranges.
   * @param isLeftIfSlow whether a peer that is slow is to be left for another
   */
  async chunks(
    identity: string,
    ranges: readonly ChunkRange[],
    signal: AbortSignal,
    isLeftIfSlow: () => boolean,
  ): Promise<AnswerBody> {
    const answer = await this.#ask(identity, 'chunks', JSON.stringify({ ranges }), signal);
    return this.#bodyOf(answer.body, bytesOf(ranges), signal, isLeftIfSlow);
  }

  wrongChunk(identity: string, chunk: number): PeerFailure {
    return this.#failure(hostErrors.peerWrongChunk(this.peer.host, identity, chunk));
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #bodyOf(body: Readable, bytes: number, signal: AbortSignal, isLeftIfSlow: () => boolean): AnswerBody {
    const { peer, clock, pace } = this.#options;
    return new AnswerBody({ peer, clock, body, bytes, signal, isLeftIfSlow, ...pace });
  }

  async #ask(
    identity: string,
    what: 'manifest' | 'chunks',
    content: string | undefined,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const { clock, pace, peer } = this.#options;
    const answering = startTimeout(clock, pace.answerMs, signal);
    try {
      const answer = await send(this.#agent, new URL(`/v1/layers/${identity}/${what}`, peer.url), {
        ...(content === undefined
          ? { method: 'GET' }
          : { method: 'POST', body: content, headers: { 'content-type': 'application/json' } }),
        signal: answering.signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      if (answer.statusCode !== 200) throw await this.#refusal(identity, answer);
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof PeerFailure) throw error;
      throw this.#failure(hostErrors.peerUnreachable(peer.host, peer.url, error));
    } finally {
      answering.clear();
    }
  }

  async #refusal(identity: string, { statusCode, body }: Dispatcher.ResponseData): Promise<PeerFailure> {
    const { host } = this.peer;
    const text = await beginningOf(body);
    if (statusCode === 404) return this.#failure(hostErrors.peerHasNotLayer(host, identity));
    if (statusCode === 503) return this.#failure(hostErrors.peerBusy(host));
    return this.#failure(hostErrors.peerRefuses(host, statusCode, messageIn(text)));
  }

  #failure(problem: Error): PeerFailure {
    return new PeerFailure(this.peer, problem);
  }
}

function shapeIn(header: string | string[] | undefined): LayerShape | undefined {
  const value = jsonIn(typeof header === 'string' ? header : '');
  const [kind, virtualBytes, parent] = ['kind', 'virtualBytes', 'parent'].map((name) => own(value, name));
  const known = LAYER_KINDS.find((each) => each === kind);
  const isShape =
    known !== undefined &&
    Number.isSafeInteger(virtualBytes) &&
    Number(virtualBytes) > 0 &&
    (parent === undefined || (typeof parent === 'string' && IDENTITY.test(parent)));
  if (!isShape) return undefined;
  return {
    kind: known,
    virtualBytes: Number(virtualBytes),
    ...(parent === undefined ? {} : { parent: String(parent) }),
  };
}

function jsonIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    // Not JSON: it says nothing.
    return {};
  }
}

function messageIn(refusal: string): string {
  const error = own(jsonIn(refusal), 'error');
  const message = typeof error === 'object' && error !== null ? own({ ...error }, 'message') : undefined;
  return typeof message === 'string' ? message : 'it says no more';
}

function mostManifestBytes({ virtualBytes }: LayerShape): number {
  return Math.min(MOST_MANIFEST_BYTES, MARK_BYTES + chunksIn(virtualBytes) * LONGEST_RUN_BYTES);
}

async function beginningOf(body: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes >= LONGEST_REFUSAL_BYTES) break;
  }
  return Buffer.concat(parts).toString();
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import { startTimeout } from '../../base/timeout.ts';
import { hostErrors, messageOf } from '../errors/index.ts';
import { CHUNK_BYTES } from '../layers/content/chunks.ts';
import type { Manifest } from '../layers/content/manifest.ts';
import { FetchSlots } from '../layers/fetch-slots.ts';
import {
  bytesOf,
  type ChunkRange,
  type ChunksBody,
  chunksBody,
  chunksInRanges,
  identityParams,
  MOST_CHUNKS,
  OCTETS,
  SHAPE_HEADER,
} from '../layers/transfer/protocol.ts';
import type { OpenLayer, ServedLayers } from '../layers/transfer/served-layers.ts';
import type { Callers } from './callers.ts';
import type { App } from './context.ts';
import { READER_PACE, type ReaderPace, sendParts } from './send-parts.ts';

export type TransferOptions = {
  readonly layers: ServedLayers;
  readonly callers: Callers;
  readonly clock: Clock;
  readonly log: Logger;
  /** How many answers are sent at once; default 4. The rest wait, and hosts take turns. */
  readonly slots?: number;
  readonly pace?: ReaderPace;
  /** How long a request waits for its turn, in milliseconds, before it is answered with 503; default 20 s. */
  readonly waitMs?: number;
};

type Params = { readonly identity: string };
type Answer = { readonly bytes: number; readonly parts: AsyncIterable<Buffer> };

const SLOTS = 4;
/** So many readers that do not keep up may go on beside the turns. */
const SLOW_BESIDE = 16;
const WAIT_MS = 20_000;
/** 128 KiB: what is read, encrypted and sent stays in the processor's cache. */
const PART_CHUNKS = 2;
const ROUTE = { config: { openToHosts: true } } as const;

/**
 * Other hosts read layers here: see `protocol.ts` of layers/transfer. They see what the operator lets them read, and no difference
 * between a layer that is not here and one that they may not read. Operators read every layer.
 */
export function transferRoutes(app: App, options: TransferOptions): void {
  const { layers, callers } = options;
  const slots = new FetchSlots({ slots: options.slots ?? SLOTS, beside: SLOW_BESIDE });

  const withLayer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    answerOf: (layer: OpenLayer) => Answer,
  ) => {
    const { identity } = request.params as Params;
    const caller = callers.of(request.raw.socket);
    const isOpen = caller.kind === 'operator' || layers.mayRead(identity, caller.name);
    const layer = isOpen ? await layers.openForReading(identity) : undefined;
    if (layer === undefined) throw hostErrors.noSuchLayer(identity);
    try {
      const owner = caller.kind === 'operator' ? '' : caller.name;
      await sendInTurn(reply, layer, answerOf(layer), { ...options, slots, owner });
    } finally {
      await layer.close();
    }
  };

  app.get(
    '/v1/layers/:identity/manifest',
    { ...ROUTE, schema: { params: identityParams } },
    (request, reply) => withLayer(request, reply, ({ manifest }) => manifestAnswer(manifest)),
  );
  app.post<{ Body: ChunksBody }>(
    '/v1/layers/:identity/chunks',
    { ...ROUTE, schema: { params: identityParams, body: chunksBody } },
    (request, reply) =>
      withLayer(request, reply, (layer) => {
        checkRanges(layer.manifest, request.body.ranges);
        return { bytes: bytesOf(request.body.ranges), parts: chunkParts(layer, request.body.ranges) };
      }),
  );
}

type Turns = Omit<TransferOptions, 'slots'> & { readonly slots: FetchSlots; readonly owner: string };

/** Sends the answer when it is the host's turn. Rejects, before anything is sent, with `Busy` when that does not come. */
async function sendInTurn(
  reply: FastifyReply,
  { shape }: OpenLayer,
  { bytes, parts }: Answer,
  { slots, owner, clock, log, pace = READER_PACE, waitMs = WAIT_MS }: Turns,
): Promise<void> {
  const left = new AbortController();
  const leave = () => left.abort(hostErrors.callerGone());
  reply.raw.once('close', leave);
  const waiting = startTimeout(clock, waitMs, left.signal);
  const work = async (turn: { giveUp(): boolean }) => {
    waiting.clear();
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': OCTETS,
      'content-length': bytes,
      [SHAPE_HEADER]: JSON.stringify(shape),
    });
    // A caller tells a turn that has come from one that has not.
    reply.raw.flushHeaders();
    await sendParts(reply.raw, parts, { clock, pace, onSlow: () => turn.giveUp() }).catch((error: unknown) =>
      log.warn({ host: owner, problem: messageOf(error) }, 'a layer was not sent to its end'),
    );
  };
  try {
    await slots.run(owner, work, waiting.signal);
  } catch (error) {
    throw waiting.expired() ? hostErrors.transfersBusy(waitMs) : error;
  } finally {
    waiting.clear();
    reply.raw.off('close', leave);
  }
}

function manifestAnswer(manifest: Manifest): Answer {
  const content = manifest.encode();
  const partBytes = PART_CHUNKS * CHUNK_BYTES;
  const parts = async function* () {
    for (let at = 0; at < content.length; at += partBytes) yield content.subarray(at, at + partBytes);
  };
  return { bytes: content.length, parts: parts() };
}

/** @throws HostError InvalidRequest for too many chunks, or one that is not the layer's own data */
function checkRanges(manifest: Manifest, ranges: readonly ChunkRange[]): void {
  const total = chunksInRanges(ranges);
  if (total === 0 || total > MOST_CHUNKS)
    throw hostErrors.invalidRequest(`${total} chunks are asked for: ask for 1 to ${MOST_CHUNKS}`, '/ranges');
  for (const { first, count } of ranges) {
    const isData =
      first + count <= manifest.count &&
      manifest.at(first).kind === 'data' &&
      manifest.at(first + count - 1).kind === 'data' &&
      manifest.dataRank(first + count - 1) - manifest.dataRank(first) === count - 1;
    if (!isData)
      throw hostErrors.invalidRequest(
        `the chunks ${first} to ${first + count - 1} are not all data of this layer: ask for those that its manifest says so of`,
        '/ranges',
      );
  }
}

/** Two buffers by turns: while one is sent, the other is filled. */
async function* chunkParts(layer: OpenLayer, ranges: readonly ChunkRange[]): AsyncGenerator<Buffer> {
  const most = Math.min(PART_CHUNKS, Math.max(...ranges.map(({ count }) => count))) * CHUNK_BYTES;
  let [buffer, other] = [Buffer.allocUnsafeSlow(most), Buffer.allocUnsafeSlow(most)];
  for (const { first, count } of ranges)
    for (let at = 0; at < count; at += PART_CHUNKS) {
      const part = buffer.subarray(0, Math.min(PART_CHUNKS, count - at) * CHUNK_BYTES);
      await layer.read(first + at, part);
      yield part;
      [buffer, other] = [other, buffer];
    }
}

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';
import { sleep } from '../../base/clock.ts';
import { messageOf } from '../errors/index.ts';
import { appended } from './appended.ts';
import type { RouteContext } from './context.ts';

const DEFAULT_BYTES = 16_384;

const FOLLOW_MS = 1_000;

/** More than this in one second is not followed without gaps. */
const WINDOW_BYTES = 64 * 1024;

export type LogQuery = { readonly bytes?: string; readonly follow?: string };

/**
 * Answers with the last bytes of a text that grows, and if asked to goes on with what is added, until the caller leaves, the daemon
 * stops, or `read` gives undefined.
 * @param read the last bytes of the text; rejects for the whole call when it does so at first
 */
export async function sendLog(
  reply: FastifyReply,
  { clock, stopping }: RouteContext,
  query: LogQuery,
  read: (bytes: number) => Promise<string | undefined>,
): Promise<unknown> {
  const type = 'text/plain; charset=utf-8';
  const bytes = Number(query.bytes ?? DEFAULT_BYTES);
  if (query.follow !== 'true') return reply.type(type).send((await read(bytes)) ?? '');
  const window = Math.max(bytes, WINDOW_BYTES);
  const first = whole((await read(window)) ?? '');
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
  reply.raw.flushHeaders();
  const left = new AbortController();
  reply.raw.once('close', () => left.abort());
  const rest = additions(first, () => read(window), clock, AbortSignal.any([stopping, left.signal]));
  const all = async function* () {
    yield whole(Buffer.from(first).subarray(-bytes).toString());
    yield* rest;
  };
  // The caller has left, or the connection ends with what cannot be read: there is no status any more.
  await pipeline(Readable.from(all()), reply.raw).catch(messageOf);
  return undefined;
}

async function* additions(
  first: string,
  read: () => Promise<string | undefined>,
  clock: RouteContext['clock'],
  stop: AbortSignal,
): AsyncGenerator<string> {
  for (let seen = first, tookMs = 0; ; ) {
    // Many who follow what is read in one guest share its agent: the slower it answers, the less they ask.
    await sleep(clock, Math.max(FOLLOW_MS, 4 * tookMs), stop).catch(messageOf);
    const before = clock.monotonic();
    const now = stop.aborted ? undefined : await read().catch(() => seen);
    if (now === undefined) return;
    tookMs = clock.monotonic() - before;
    const text = whole(now);
    const added = appended(seen, text);
    if (added !== '') yield added;
    seen = text;
  }
}

/** Without the parts of characters at both ends, which are cut off, or not there yet. */
function whole(text: string): string {
  return text.replace(/^\ufffd{1,3}/, '').replace(/\ufffd{1,3}$/, '');
}

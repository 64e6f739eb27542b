import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { hostErrors, toHostError } from '../errors/index.ts';
import { ifThere } from '../files/if-there.ts';
import { type OpenSource, openSource } from './source.ts';
import type { WrongContent } from './wrong-content.ts';

export type DownloadRequest = {
  readonly url: string;
  readonly sha256: string;
  /** Where the bytes are written. Continues what an interrupted download left there, if the source supports ranges. */
  readonly path: string;
  /** Folders of this host from which `file:` addresses may be read. */
  readonly fileRoots: readonly string[];
  readonly signal: AbortSignal;
  /** What earlier attempts got in place of the file. */
  readonly wrong: WrongContent;
  /**
   * Rejects when there is no space for the missing bytes. Called before the first byte is written, and repeatedly afterwards: not
   * every source announces its size, and others write to the same disk.
   */
  readonly ensureRoom: (missingBytes: number) => Promise<unknown>;
  readonly onProgress: (fetchedBytes: number, totalBytes: number | undefined) => void;
  /** Opens the source at an offset, where it is another than what `url` serves. */
  readonly open?: (offset: number) => Promise<OpenSource>;
};

/**
 * Fetches a file and verifies its digest. Rejects with `SourceUnreachable`, `SourceEndedEarly` (what arrived is kept, to be
 * continued), `DigestMismatch` or `DiskFull` (what arrived is removed). A first wrong digest may pass; see `WrongContent`. The file is
 * not yet on the disk for good: of most, only what becomes of them has to be. One that a crash cut short is found out by its digest.
 */
export async function download(request: DownloadRequest): Promise<void> {
  const resumed = await attempt(request);
  if (resumed.digest === request.sha256) return request.wrong.forget(request.sha256);
  await rm(request.path, { force: true });
  // The file may have changed at its source between the two parts, so it is fetched once more as a whole.
  const whole = resumed.offset > 0 ? await attempt(request) : resumed;
  if (whole.digest === request.sha256) return request.wrong.forget(request.sha256);
  await rm(request.path, { force: true });
  throw request.wrong.judge(request.url, request.sha256, whole.digest);
}

const ROOM_CHECK_BYTES = 16 * 1024 * 1024;

function missingBytes({ totalBytes }: OpenSource, received: number): number {
  return totalBytes === undefined ? 0 : Math.max(0, totalBytes - received);
}

type Attempt = { readonly digest: string; readonly offset: number };

async function attempt(request: DownloadRequest): Promise<Attempt> {
  const { bytes, hash } = await digestSoFar(request.path, request.signal);
  if (bytes > 0 && hash.copy().digest('hex') === request.sha256) {
    request.onProgress(bytes, bytes);
    return { digest: request.sha256, offset: bytes };
  }
  const source = await (request.open?.(bytes) ??
    openSource(request.url, bytes, request.signal, request.fileRoots));
  try {
    await request.ensureRoom(missingBytes(source, source.offset));
    const digest = await receive(request, source, source.offset > 0 ? hash : createHash('sha256'));
    return { digest, offset: source.offset };
  } catch (error) {
    const failure = toHostError(error);
    if (failure.reason === 'DiskFull') await rm(request.path, { force: true });
    throw request.signal.aborted ? request.signal.reason : failure;
  } finally {
    closeBody(source.body);
  }
}

async function receive(request: DownloadRequest, source: OpenSource, hash: Hash): Promise<string> {
  const file = await open(request.path, source.offset > 0 ? 'r+' : 'w', 0o600);
  try {
    const received = await copyBody(request, source, hash, file);
    if (source.totalBytes !== undefined && received !== source.totalBytes) {
      throw hostErrors.endedEarly(request.url, received, source.totalBytes);
    }
    await file.truncate(received);
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

/** Resolves with the number of bytes that are now in the file. */
async function copyBody(
  request: DownloadRequest,
  source: OpenSource,
  hash: Hash,
  file: FileHandle,
): Promise<number> {
  let received = source.offset;
  let checkAt = received + ROOM_CHECK_BYTES;
  request.onProgress(received, source.totalBytes);
  for await (const chunk of chunksOf(request, source, () => received)) {
    const writing = writeFully(file, chunk, received);
    // Meanwhile.
    hash.update(chunk);
    await writing;
    received += chunk.length;
    if (received >= checkAt) {
      await request.ensureRoom(missingBytes(source, received));
      checkAt = received + ROOM_CHECK_BYTES;
    }
    request.onProgress(received, source.totalBytes);
  }
  return received;
}

/** The source's chunks. Turns the source's failures into errors of their own, so that they differ from failures of the host's disk. */
async function* chunksOf(
  request: DownloadRequest,
  source: OpenSource,
  received: () => number,
): AsyncGenerator<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array> = source.body[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<Uint8Array>;
    try {
      next = await iterator.next();
    } catch (error) {
      request.signal.throwIfAborted();
      if (source.totalBytes === undefined) throw hostErrors.unreachable(request.url, error);
      throw hostErrors.endedEarly(request.url, received(), source.totalBytes);
    }
    if (next.done === true) return;
    yield next.value;
  }
}

async function writeFully(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await file.write(chunk, written, chunk.length - written, position + written);
    written += bytesWritten;
  }
}

async function digestSoFar(path: string, signal: AbortSignal): Promise<{ bytes: number; hash: Hash }> {
  const hash = createHash('sha256');
  const bytes = (await ifThere(stat(path)))?.size ?? 0;
  if (bytes > 0) for await (const chunk of createReadStream(path, { signal })) hash.update(chunk);
  return { bytes, hash };
}

function closeBody(body: Readable): void {
  // Closing before the end makes the body report an error, which is expected here.
  body.on('error', () => undefined);
  body.destroy();
}

import { createHash } from 'node:crypto';
import { CHUNK_BYTES, type Chunk, chunksIn } from './chunks.ts';
import { type Manifest, ManifestBuilder } from './manifest.ts';

/** A stretch of a layer's file, in bytes that a guest sees; extents are in order and without gaps. */
export type Extent = {
  readonly start: number;
  readonly length: number;
  /** `nothing`: the file says nothing about it, so the parent's content shows; without a parent, zeroes. */
  readonly kind: 'data' | 'zero' | 'nothing';
};

/** The content of a file as a guest sees it, without that of its parent. */
export type Content = {
  readonly virtualBytes: number;
  extents(): AsyncIterable<Extent>;
  /** Fills `target` from `start` on. Called for extents of kind `data` only. */
  read(target: Buffer, start: number): Promise<void>;
  close(): Promise<void>;
};

export type ScanOptions = {
  /** What the parent's chunks are, its ancestors' included: see `Lineage`. */
  readonly parent?: { readonly count: number; effectiveAt(index: number): Chunk };
  readonly signal?: AbortSignal;
  readonly onProgress?: (readBytes: number) => void;
};

const RUN_BYTES = 16 * CHUNK_BYTES;
const ZEROES = Buffer.alloc(CHUNK_BYTES);
const ZERO: Chunk = { kind: 'zero' };

/**
 * Reads a file's content once and finds out what each chunk is. A chunk that is equal to the parent's is `parent`, even if it was
 * written again; one of zeroes is `zero`, however it is stored. Chunks that hold nothing are not read.
 */
export async function scan(
  content: Content,
  { parent, signal, onProgress }: ScanOptions = {},
): Promise<Manifest> {
  const builder = new ManifestBuilder();
  const count = chunksIn(content.virtualBytes);
  const reader = new RunReader(content);
  let readBytes = 0;
  let next = 0;
  for await (const { from, to, kind } of chunkExtents(content, count)) {
    signal?.throwIfAborted();
    next = to;
    if (kind === 'nothing') {
      addUntouched(builder, parent, from, to);
      continue;
    }
    if (kind === 'zero') {
      for (let index = from; index < to; index += 1) addChunk(builder, parent, index, ZERO);
      continue;
    }
    for await (const { first, bytes } of reader.read(from, to)) {
      signal?.throwIfAborted();
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
        addChunk(builder, parent, first + at / CHUNK_BYTES, chunkOf(bytes.subarray(at, at + CHUNK_BYTES)));
      readBytes += bytes.length;
      onProgress?.(readBytes);
    }
  }
  addUntouched(builder, parent, next, count);
  return builder.build();
}

/** What a chunk with these bytes is; a shorter buffer is padded with zeroes. */
function chunkOf(bytes: Buffer): Chunk {
  if (bytes.equals(bytes.length === CHUNK_BYTES ? ZEROES : ZEROES.subarray(0, bytes.length))) return ZERO;
  const hash = createHash('sha256').update(bytes);
  if (bytes.length < CHUNK_BYTES) hash.update(ZEROES.subarray(bytes.length));
  return { kind: 'data', digest: hash.digest() };
}

function isSameChunk(a: Chunk, b: Chunk): boolean {
  if (a.kind === 'data' && b.kind === 'data') return a.digest.equals(b.digest);
  return a.kind === b.kind;
}

type Parent = ScanOptions['parent'];

function addChunk(builder: ManifestBuilder, parent: Parent, index: number, chunk: Chunk): void {
  const isParents =
    parent !== undefined && index < parent.count && isSameChunk(chunk, parent.effectiveAt(index));
  if (isParents) builder.add('parent', 1);
  else if (chunk.kind === 'data') builder.addData(chunk.digest);
  else builder.add('zero', 1);
}

/** Where the file says nothing, the parent shows, and behind the parent's end zeroes. */
function addUntouched(builder: ManifestBuilder, parent: Parent, from: number, to: number): void {
  const end = Math.min(to, Math.max(from, parent?.count ?? 0));
  builder.add('parent', end - from);
  builder.add('zero', to - end);
}

type ChunkExtent = { readonly from: number; readonly to: number; readonly kind: Extent['kind'] };

/**
 * The extents in whole chunks. Files of layers have clusters of a chunk or more.
 * @throws RangeError for an extent that divides a chunk
 */
async function* chunkExtents(content: Content, count: number): AsyncGenerator<ChunkExtent> {
  for await (const { start, length, kind } of content.extents()) {
    const end = start + length;
    const isLast = end >= content.virtualBytes;
    if (start % CHUNK_BYTES !== 0 || (!isLast && end % CHUNK_BYTES !== 0))
      throw new RangeError(`an extent from ${start} to ${end} divides a chunk of ${CHUNK_BYTES} bytes`);
    yield { from: start / CHUNK_BYTES, to: isLast ? count : end / CHUNK_BYTES, kind };
  }
}

/** Chunks that follow each other; the last one is padded with zeroes. */
type Run = { readonly first: number; readonly bytes: Buffer };

/** Reads chunks in runs, each while the one before is worked on. */
class RunReader {
  readonly #content: Content;
  #buffer: Buffer = Buffer.allocUnsafeSlow(RUN_BYTES);
  #other: Buffer = Buffer.allocUnsafeSlow(RUN_BYTES);

  constructor(content: Content) {
    this.#content = content;
  }

  /** The chunks from one to before another. The bytes of a run stay until the next but one is asked for. */
  async *read(from: number, to: number): AsyncGenerator<Run> {
    let reading = this.#readRun(from, to);
    try {
      for (;;) {
        const run = await reading;
        const next = run.first + run.bytes.length / CHUNK_BYTES;
        if (next < to) reading = this.#readRun(next, to);
        yield run;
        if (next >= to) return;
      }
    } finally {
      // Nothing is read any more when the file is closed.
      await reading.catch(() => undefined);
    }
  }

  async #readRun(first: number, to: number): Promise<Run> {
    const bytes = this.#buffer.subarray(0, (to - first) * CHUNK_BYTES);
    [this.#buffer, this.#other] = [this.#other, this.#buffer];
    const start = first * CHUNK_BYTES;
    const length = Math.min(bytes.length, this.#content.virtualBytes - start);
    await this.#content.read(bytes.subarray(0, length), start);
    bytes.fill(0, length);
    return { first, bytes };
  }
}

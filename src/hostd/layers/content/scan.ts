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
  const buffer = Buffer.alloc(CHUNK_BYTES);
  let readBytes = 0;
  let next = 0;
  for await (const { from, to, kind } of chunkExtents(content, count)) {
    signal?.throwIfAborted();
    next = to;
    if (kind === 'nothing') {
      addUntouched(builder, parent, from, to);
      continue;
    }
    for (let index = from; index < to; index += 1) {
      signal?.throwIfAborted();
      if (kind === 'data') {
        await readChunk(content, index, buffer);
        readBytes += CHUNK_BYTES;
        onProgress?.(readBytes);
      }
      addChunk(builder, parent, index, kind === 'zero' ? ZERO : chunkOf(buffer));
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

async function readChunk(content: Content, index: number, buffer: Buffer): Promise<void> {
  const start = index * CHUNK_BYTES;
  const length = Math.min(CHUNK_BYTES, content.virtualBytes - start);
  await content.read(buffer.subarray(0, length), start);
  buffer.fill(0, length);
}

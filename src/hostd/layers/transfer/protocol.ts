import { arrayOf, closed, integer, type Static } from '../../../host/typed-schema.ts';
import { sha256 } from '../../../host/values.ts';
import { CHUNK_BYTES } from '../content/chunks.ts';

/**
 * How a host reads a layer of another, over the other's API:
 * `GET /v1/layers/{identity}/manifest` answers with the manifest's bytes, and in the header `coppice-layer-shape` with the rest of
 * what the identity stands for; `POST /v1/layers/{identity}/chunks` answers with the chunks that its body names, one after the other
 * and each of 64 KiB, the last one of a layer padded with zeroes. Only chunks with data of that layer itself can be asked for.
 */

export const SHAPE_HEADER = 'coppice-layer-shape';
export const OCTETS = 'application/octet-stream';

/** How much a single request may ask for: 64 MiB. */
export const MOST_CHUNKS = 1024;

export const identityParams = closed({ identity: sha256 });

export const chunksBody = closed({
  /** Neighbouring chunks, by the index of the first. */
  ranges: arrayOf(
    closed({ first: integer(0, Number.MAX_SAFE_INTEGER), count: integer(1, MOST_CHUNKS) }),
    MOST_CHUNKS,
  ),
});

export type ChunksBody = Static<typeof chunksBody>;
export type ChunkRange = ChunksBody['ranges'][number];

export function chunksInRanges(ranges: readonly ChunkRange[]): number {
  return ranges.reduce((sum, range) => sum + range.count, 0);
}

export function bytesOf(ranges: readonly ChunkRange[]): number {
  return chunksInRanges(ranges) * CHUNK_BYTES;
}

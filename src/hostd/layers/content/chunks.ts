/** What every layer is divided into, in bytes of the content that a guest sees; also the cluster size of the files that hold it. */
export const CHUNK_BYTES = 64 * 1024;

export const DIGEST_BYTES = 32;

/**
 * What a chunk of a layer is: `zero`, however it is stored; `parent`, equal to the parent's chunk at that place; or `data`, which
 * has a digest.
 */
export type ChunkKind = 'zero' | 'parent' | 'data';

/** Neighbouring chunks of one kind; `digests` holds one digest after the other, for `data` only. */
export type ChunkRun =
  | { readonly kind: 'zero' | 'parent'; readonly count: number }
  | { readonly kind: 'data'; readonly count: number; readonly digests: Buffer };

export type Chunk = { readonly kind: 'zero' | 'parent' } | { readonly kind: 'data'; readonly digest: Buffer };

/** In how many chunks a layer of this size is divided; the last one is padded with zeroes. */
export function chunksIn(virtualBytes: number): number {
  return Math.ceil(virtualBytes / CHUNK_BYTES);
}

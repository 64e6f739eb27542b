import { createHash } from 'node:crypto';
import { type Chunk, type ChunkRun, DIGEST_BYTES } from './chunks.ts';

/**
 * The Merkle tree over a layer's chunks, as in RFC 6962: a tree of more than one leaf divides at the largest power of two below its
 * size, and leaves and nodes are hashed with different first bytes, so that none can be taken for the other. Its root stands for
 * all chunks, and one chunk can be proved by the digests beside its path.
 */

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);
const KIND_BYTE = { zero: Buffer.of(0), parent: Buffer.of(1), data: Buffer.of(2) } as const;
const NO_DIGEST = Buffer.alloc(0);

function sha256(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function leafOf(chunk: Chunk): Buffer {
  return sha256(LEAF, KIND_BYTE[chunk.kind], chunk.kind === 'data' ? chunk.digest : NO_DIGEST);
}

function nodeOf(left: Buffer, right: Buffer): Buffer {
  return sha256(NODE, left, right);
}

/** The size of the left part of a tree of `leaves` > 1. */
function leftSize(leaves: number): number {
  return 2 ** Math.ceil(Math.log2(leaves) - 1);
}

/** Digests of subtrees whose leaves are all `zero`, or all `parent`, by their number: most of a large disk is of these. */
class Uniform {
  readonly #known = new Map<string, Buffer>();

  of(kind: 'zero' | 'parent', leaves: number): Buffer {
    const key = `${kind}/${leaves}`;
    const known = this.#known.get(key) ?? this.#compute(kind, leaves);
    this.#known.set(key, known);
    return known;
  }

  #compute(kind: 'zero' | 'parent', leaves: number): Buffer {
    if (leaves === 1) return leafOf({ kind });
    const left = leftSize(leaves);
    return nodeOf(this.of(kind, left), this.of(kind, leaves - left));
  }
}

/** Chunks that can be looked up by their index: a manifest. */
export type ChunkList = {
  readonly count: number;
  at(index: number): Chunk;
  /** The run in which a chunk is, and the index at which it begins. */
  runAt(index: number): { readonly run: ChunkRun; readonly start: number };
};

/** The tree over some chunks. It computes what it is asked for and keeps only what is uniform. */
export class MerkleTree {
  readonly #chunks: ChunkList;
  readonly #uniform = new Uniform();

  constructor(chunks: ChunkList) {
    this.#chunks = chunks;
  }

  /** @throws RangeError for a layer without chunks */
  root(): Buffer {
    if (this.#chunks.count === 0) throw new RangeError('a layer without content has no root');
    return this.#subtree(0, this.#chunks.count);
  }

  /** The digests beside a chunk's path to the root, from the leaf upwards. */
  proof(index: number): Buffer[] {
    const beside: Buffer[] = [];
    let [start, leaves] = [0, this.#chunks.count];
    while (leaves > 1) {
      const left = leftSize(leaves);
      if (index < start + left) {
        beside.push(this.#subtree(start + left, leaves - left));
        leaves = left;
      } else {
        beside.push(this.#subtree(start, left));
        [start, leaves] = [start + left, leaves - left];
      }
    }
    return beside.reverse();
  }

  #subtree(start: number, leaves: number): Buffer {
    const { run, start: runStart } = this.#chunks.runAt(start);
    if (run.kind !== 'data' && start + leaves <= runStart + run.count)
      return this.#uniform.of(run.kind, leaves);
    if (leaves === 1) return leafOf(this.#chunks.at(start));
    const left = leftSize(leaves);
    return nodeOf(this.#subtree(start, left), this.#subtree(start + left, leaves - left));
  }
}

/** Whether a chunk is the one at `index` of the layer with this root, which has `count` chunks. */
export function proves(
  root: Buffer,
  count: number,
  {
    index,
    chunk,
    beside,
  }: { readonly index: number; readonly chunk: Chunk; readonly beside: readonly Buffer[] },
): boolean {
  const turns: ('left' | 'right')[] = [];
  let [start, leaves] = [0, count];
  while (leaves > 1) {
    const left = leftSize(leaves);
    const isLeft = index < start + left;
    turns.push(isLeft ? 'left' : 'right');
    [start, leaves] = isLeft ? [start, left] : [start + left, leaves - left];
  }
  if (index < 0 || index >= count || beside.length !== turns.length) return false;
  if (beside.some((digest) => digest.length !== DIGEST_BYTES)) return false;
  const top = turns.reverse().reduce((digest, turn, level) => {
    const other = beside[level] as Buffer;
    return turn === 'left' ? nodeOf(digest, other) : nodeOf(other, digest);
  }, leafOf(chunk));
  return top.equals(root);
}

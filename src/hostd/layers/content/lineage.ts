import type { Chunk } from './chunks.ts';
import type { Manifest } from './manifest.ts';

const ZERO: Chunk = { kind: 'zero' };

/** A layer together with its ancestors: what a guest sees of each chunk, and which layer has it. */
export class Lineage {
  /** From the layer itself to its root; each is the parent of the one before. */
  readonly #manifests: readonly Manifest[];

  constructor(manifests: readonly Manifest[]) {
    this.#manifests = manifests;
  }

  get count(): number {
    return this.#manifests[0]?.count ?? 0;
  }

  /** What the chunk is for a guest: never `parent`. */
  effectiveAt(index: number): Chunk {
    return this.#find(index).chunk;
  }

  /** How many layers up the chunk's data is: 0 in the layer itself; undefined for zeroes. */
  ownerAt(index: number): number | undefined {
    const { chunk, level } = this.#find(index);
    return chunk.kind === 'data' ? level : undefined;
  }

  #find(index: number): { readonly chunk: Chunk; readonly level: number } {
    for (const [level, manifest] of this.#manifests.entries()) {
      // Behind the end of an ancestor there is nothing.
      if (index >= manifest.count) break;
      const chunk = manifest.at(index);
      if (chunk.kind !== 'parent') return { chunk, level };
    }
    return { chunk: ZERO, level: 0 };
  }
}

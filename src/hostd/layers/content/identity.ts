import { createHash } from 'node:crypto';
import type { LayerKind } from '../../../host/protocol.ts';
import { CHUNK_BYTES } from './chunks.ts';
import type { Manifest } from './manifest.ts';
import { MerkleTree } from './merkle.ts';

/** What a layer is, apart from its chunks. */
export type LayerShape = {
  readonly kind: LayerKind;
  /** Size that a guest sees, in bytes. */
  readonly virtualBytes: number;
  /** Identity of the layer that this one is a difference to. */
  readonly parent?: string;
};

/**
 * The name of a layer on every host: 64 hexadecimal digits. It follows from what a guest sees and from nothing else: not from the
 * format of the file, from what is allocated in it, or from who wrote it.
 */
export function identityOf({ kind, virtualBytes, parent }: LayerShape, manifest: Manifest): string {
  const root = new MerkleTree(manifest).root().toString('hex');
  const parts = ['coppice layer 1', root, kind, parent ?? '-', virtualBytes, CHUNK_BYTES];
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

import type { LayerShape } from '../content/identity.ts';
import type { Manifest } from '../content/manifest.ts';

/** A layer of this host whose chunks are read. */
export type OpenLayer = {
  readonly shape: LayerShape;
  readonly manifest: Manifest;
  /**
   * Fills `target`, of whole chunks, with the chunks from `index` on, all of which must have data of the layer itself. What a chunk
   * has behind the end of the layer is zeroes. May be called several times at once.
   */
  read(index: number, target: Buffer): Promise<void>;
  /** To be called once. Reads that run then still end. */
  close(): Promise<void>;
};

/** The layers that this host gives to others. */
export type ServedLayers = {
  /** Undefined when the layer is not here, or not whole. */
  openForReading(identity: string): Promise<OpenLayer | undefined>;
  /** Whether the operator lets the host with this name read the layer. False for a layer that nobody knows. */
  mayRead(identity: string, host: string): boolean;
};

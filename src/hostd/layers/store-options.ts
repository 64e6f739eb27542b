import type { Logger } from 'pino';
import type { LayerStatus } from '../../host/protocol.ts';
import type { DigHoles } from './compaction.ts';
import type { LayerFacts } from './layer-folder.ts';
import type { ReceiveOptions } from './receive-options.ts';
import type { OpenDisk } from './sealing.ts';
import type { SharedDirectory } from './shared/shared-directory.ts';

export type LayerStoreOptions = {
  readonly directory: string;
  readonly openDisk: OpenDisk;
  /** What is on a disk, for those who boot from it. */
  readonly factsOf: (path: string) => Promise<LayerFacts>;
  readonly digHoles: DigHoles;
  readonly receive: ReceiveOptions;
  /** A directory that this host shares with others. */
  readonly shared?: SharedDirectory | undefined;
  /** uuids of the appliances that use a layer, from their directories. */
  readonly holders: (identity: string) => readonly string[];
  readonly onChange: (layer: LayerStatus) => void;
  /** A layer was deleted; awaited before the deletion counts as done. */
  readonly onGone: (identity: string) => Promise<void>;
  readonly log: Logger;
};

export type SealOptions = { readonly signal: AbortSignal; readonly onProgress: (readBytes: number) => void };

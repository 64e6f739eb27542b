import type { LayerStatus, Problem } from '../../host/protocol.ts';
import { hostErrors, toHostError, toProblem } from '../errors/index.ts';
import { fileExists } from '../files/if-there.ts';
import type { Manifest } from './content/manifest.ts';
import type { LayerFolder, LayerRecord } from './layer-folder.ts';

/** What a layer's status says of the shared directory. */
export type LayerSharing = Pick<LayerStatus, 'shared' | 'sharingProblem'>;

/** One sealed layer of this host. */
export class StoredLayer {
  readonly folder: LayerFolder;
  /** The file in a shared directory that is the layer's file; undefined when it is in the folder. */
  linkedFile: string | undefined;
  /** Why it cannot be used. */
  problem: Problem | undefined;
  /** When its file was last read again on demand. */
  verification: LayerStatus['verification'];
  #record: LayerRecord;
  #manifest: Promise<Manifest> | undefined;

  constructor(folder: LayerFolder, record: LayerRecord, linkedFile?: string) {
    this.folder = folder;
    this.#record = record;
    this.linkedFile = linkedFile;
  }

  get record(): LayerRecord {
    return this.#record;
  }

  get filePath(): string {
    return this.folder.filePath(this.record.kind);
  }

  /** Its chunks, read once. */
  manifest(): Promise<Manifest> {
    this.#manifest ??= this.folder.readManifest().catch((error: unknown) => {
      this.#manifest = undefined;
      throw error;
    });
    return this.#manifest;
  }

  /** Has its file in another folder from now on. @param record with that file's size and time of change */
  async link(folder: string, record: LayerRecord): Promise<void> {
    await this.folder.link(folder, record);
    this.#record = record;
    this.linkedFile = await this.folder.linkedFile(record.kind);
  }

  /** Verifies its file: by size and time of change, and by its content when these differ. The problem says what is wrong. */
  async look(nameAgain: () => Promise<string>): Promise<void> {
    const { identity } = this.record;
    this.problem = undefined;
    try {
      if (await this.folder.isUntouched(this.record)) return;
      if (this.linkedFile !== undefined && !(await fileExists(this.linkedFile)))
        throw hostErrors.sharedFileMissing(this.linkedFile);
      if ((await nameAgain()) !== identity) throw hostErrors.layerCorrupt(this.filePath, identity);
      if (this.linkedFile === undefined) return;
      this.#record = await this.folder.renewed(this.record);
      await this.folder.write(this.record);
    } catch (error) {
      this.problem = toProblem(toHostError(error), undefined);
    }
  }

  status(heldBy: readonly string[], sharing: LayerSharing = {}): LayerStatus {
    const {
      identity,
      kind,
      parent,
      virtualBytes,
      bootable,
      firmware,
      content,
      bytes,
      allocatedBytes,
      diskBytes,
    } = this.record;
    return {
      identity,
      kind,
      ...(parent === undefined ? {} : { parent }),
      state: this.problem === undefined ? 'Ready' : 'Failed',
      virtualBytes: diskBytes ?? virtualBytes,
      ...(bootable === undefined ? {} : { bootable }),
      ...(firmware === undefined ? {} : { firmware: [...firmware] }),
      ...(content === undefined ? {} : { content }),
      storedBytes: allocatedBytes ?? bytes,
      ...(this.verification === undefined ? {} : { verification: this.verification }),
      ...(this.problem === undefined ? {} : { problem: this.problem }),
      ...sharing,
      heldBy,
    };
  }
}

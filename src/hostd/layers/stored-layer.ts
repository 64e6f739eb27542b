import type { LayerStatus, Problem } from '../../host/protocol.ts';
import { hostErrors, toHostError, toProblem } from '../errors/index.ts';
import type { Manifest } from './content/manifest.ts';
import type { LayerFolder, LayerRecord } from './layer-folder.ts';

/** One sealed layer of this host. */
export class StoredLayer {
  readonly folder: LayerFolder;
  readonly record: LayerRecord;
  /** Why it cannot be used. */
  problem: Problem | undefined;
  /** When its file was last read again on demand. */
  verification: LayerStatus['verification'];
  #manifest: Promise<Manifest> | undefined;

  constructor(folder: LayerFolder, record: LayerRecord) {
    this.folder = folder;
    this.record = record;
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

  /** Verifies its file: by size and time of change, and by its content when these differ. The problem says what is wrong. */
  async look(nameAgain: () => Promise<string>): Promise<void> {
    const { identity } = this.record;
    this.problem = undefined;
    try {
      if (await this.folder.isUntouched(this.record)) return;
      if ((await nameAgain()) !== identity) throw hostErrors.layerCorrupt(this.filePath, identity);
    } catch (error) {
      this.problem = toProblem(toHostError(error), undefined);
    }
  }

  status(heldBy: readonly string[]): LayerStatus {
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
      heldBy,
    };
  }
}

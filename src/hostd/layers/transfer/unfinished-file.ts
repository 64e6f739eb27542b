import type { FileHandle } from 'node:fs/promises';
import { codeOf, hostErrors } from '../../errors/index.ts';
import { CHUNK_BYTES } from '../content/chunks.ts';
import type { LayerShape } from '../content/identity.ts';
import type { Manifest } from '../content/manifest.ts';
import { Qcow2Layout } from '../qcow2/layout.ts';
import { runsOf } from './batches.ts';
import { isChunk } from './is-chunk.ts';
import type { PresenceMap } from './presence-map.ts';
import { writeFully, writeSparsely } from './write.ts';

/** What a layer is, and what each of its chunks is: together they have the layer's identity. */
export type KnownLayer = { readonly shape: LayerShape; readonly manifest: Manifest };

/** `raw`: the content as it is, for a driver that keeps its disks so. */
export type DiskFormat = 'qcow2' | 'raw';

type Options = {
  readonly handle: FileHandle;
  readonly path: string;
  readonly known: KnownLayer;
  readonly present: PresenceMap;
  readonly saveMap: (map: PresenceMap) => Promise<void>;
  /** How the file of a disk is written; others are their content as it is. */
  readonly diskFormat: DiskFormat;
  /** Absolute path of the parent's file. */
  readonly backing?: string;
  /** Nothing was written into the file yet: what would be zeroes is left a hole. */
  readonly isNew: boolean;
};

/** How many chunks are read or written at once, where they lie beside each other in the file. */
export const LONGEST_RUN = 16;

/** The file of a layer that is being received: chunks come in any order, and only right ones are written. */
export class UnfinishedFile {
  readonly known: KnownLayer;
  readonly present: PresenceMap;
  readonly #options: Options;
  /** Undefined where the file is the content as it is. */
  readonly #layout: Qcow2Layout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: Options) {
    const { known, backing, present, diskFormat } = options;
    const { kind, virtualBytes } = known.shape;
    this.#options = options;
    this.known = known;
    this.present = present;
    if (kind === 'disk' && diskFormat === 'qcow2')
      this.#layout = new Qcow2Layout({
        virtualBytes,
        manifest: known.manifest,
        ...(backing === undefined ? {} : { backing }),
      });
  }

  /** Whether zeroes in it take no room. In a file that was there before, they may. */
  get isSparse(): boolean {
    return this.#options.isNew;
  }

  /** Bytes that the chunks still take. */
  get missingBytes(): number {
    return (this.present.total - this.present.count) * CHUNK_BYTES;
  }

  get progress(): { readonly present: number; readonly total: number } {
    const { count, total } = this.present;
    return { present: count * CHUNK_BYTES, total: total * CHUNK_BYTES };
  }

  /** Writes everything but the chunks. What is there of them stays. */
  async layOut(): Promise<void> {
    const { handle } = this.#options;
    await this.#local(async () => {
      if (this.#layout !== undefined) await this.#put(this.#layout.head(), 0);
      await handle.truncate(this.#layout?.fileBytes ?? this.known.shape.virtualBytes);
    });
  }

  /** Whether a chunk lies just behind another in the file. */
  follows(before: number, index: number): boolean {
    return this.#offsetOf(index) === this.#offsetOf(before) + CHUNK_BYTES;
  }

  /** Data chunks, in order, in runs that lie beside each other in the file. */
  runsOf(indexes: readonly number[]): number[][] {
    return runsOf(indexes, (before, index) => this.follows(before, index), LONGEST_RUN);
  }

  /** Of chunks that follow each other in `bytes`, how many are right before the first that is not. */
  rightOnes(indexes: readonly number[], bytes: Buffer): number {
    const wrong = indexes.findIndex((index, at) => !this.#isRight(index, chunkAt(bytes, at)));
    return wrong < 0 ? indexes.length : wrong;
  }

  /**
   * Writes chunks that are right, beside each other from that of `index` on.
   * @throws HostError DiskFull
   */
  async write(index: number, bytes: Buffer): Promise<void> {
    const offset = this.#offsetOf(index);
    const end = this.#layout === undefined ? this.known.shape.virtualBytes : offset + bytes.length;
    await this.#local(() => this.#put(bytes.subarray(0, end - offset), offset));
    const rank = this.known.manifest.dataRank(index);
    for (let at = 0; at < bytes.length / CHUNK_BYTES; at += 1) this.present.add(rank + at);
  }

  /** Reads again what the map says is there, and forgets what is not right. Resolves with the number of such chunks. */
  async verify(signal: AbortSignal): Promise<number> {
    const before = this.present.count;
    const buffer = Buffer.alloc(LONGEST_RUN * CHUNK_BYTES);
    for (const run of this.runsOf(this.#presentIndexes())) {
      signal.throwIfAborted();
      const bytes = buffer.subarray(0, run.length * CHUNK_BYTES);
      await this.#read(run[0] as number, bytes);
      for (const [at, index] of run.entries())
        if (!this.#isRight(index, chunkAt(bytes, at)))
          this.present.remove(this.known.manifest.dataRank(index));
    }
    return before - this.present.count;
  }

  /** Makes durable what is there, and then the map that says so. */
  async flush(): Promise<void> {
    const flushed = this.#flushing.then(async () => {
      const map = this.present.copy();
      await this.#local(() => this.#options.handle.datasync());
      await this.#options.saveMap(map);
    });
    // The next one runs whatever becomes of this one, whose caller learns of it.
    this.#flushing = flushed.catch(() => undefined);
    await flushed;
  }

  async close(): Promise<void> {
    await this.#options.handle.close();
  }

  #isRight(index: number, bytes: Buffer): boolean {
    const chunk = this.known.manifest.at(index);
    return chunk.kind === 'data' && isChunk(bytes, chunk.digest);
  }

  #presentIndexes(): number[] {
    return [...this.known.manifest.dataChunks()].filter((_, rank) => this.present.has(rank));
  }

  #offsetOf(index: number): number {
    return this.#layout?.offsetOf(index) ?? index * CHUNK_BYTES;
  }

  #put(bytes: Buffer, position: number): Promise<void> {
    const { handle, isNew } = this.#options;
    return (isNew ? writeSparsely : writeFully)(handle, bytes, position);
  }

  async #read(index: number, bytes: Buffer): Promise<void> {
    const offset = this.#offsetOf(index);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#options.handle.read(bytes, done, bytes.length - done, offset + done);
      if (bytesRead === 0) return void bytes.fill(0, done);
      done += bytesRead;
    }
  }

  async #local(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '')) throw error;
      throw hostErrors.diskFull(this.#options.path, error);
    }
  }
}

function chunkAt(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES);
}

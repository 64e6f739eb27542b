import { type FileHandle, open } from 'node:fs/promises';
import { hostErrors } from '../../errors/index.ts';
import type { Content, Extent } from '../content/scan.ts';
import { bytesPerTable, type Qcow2Header, readHeader } from './header.ts';

const ENTRY_BYTES = 8;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const READS_AS_ZERO = 1n;

type Place = { readonly kind: Extent['kind']; readonly offset: number; readonly isWholeTable?: boolean };

/** The file of a layer, or of a disk that no VM uses. It reads what the file itself holds, and nothing of its backing file. */
export class Qcow2Reader implements Content {
  readonly path: string;
  readonly header: Qcow2Header;
  readonly #file: FileHandle;
  readonly #bytes: number;
  readonly #l1: Buffer;
  /** The table that was used last: reads are mostly in order. */
  #table: { readonly index: number; readonly entries: Buffer | undefined } | undefined;

  private constructor(path: string, file: FileHandle, bytes: number, header: Qcow2Header, l1: Buffer) {
    this.path = path;
    this.#file = file;
    this.#bytes = bytes;
    this.header = header;
    this.#l1 = l1;
  }

  /** @throws HostError LayerDamaged for a file that is no qcow2 as layers are */
  static async open(path: string): Promise<Qcow2Reader> {
    const file = await open(path, 'r');
    try {
      const header = await readHeader(file, path);
      const { size } = await file.stat();
      const l1 = await readExactly(file, path, header.l1Offset, header.l1Entries * ENTRY_BYTES, size);
      return new Qcow2Reader(path, file, size, header, l1);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get virtualBytes(): number {
    return this.header.virtualBytes;
  }

  async *extents(): AsyncGenerator<Extent> {
    const clusterBytes = 2 ** this.header.clusterBits;
    let pending: Extent | undefined;
    for (let start = 0; start < this.virtualBytes; ) {
      const { kind, isWholeTable } = await this.#place(start);
      const step = isWholeTable === true ? bytesPerTable(this.header.clusterBits) : clusterBytes;
      const length = Math.min(step, this.virtualBytes - start);
      if (pending?.kind === kind) pending = { ...pending, length: pending.length + length };
      else {
        if (pending !== undefined) yield pending;
        pending = { start, length, kind };
      }
      start += length;
    }
    if (pending !== undefined) yield pending;
  }

  /** Fills `target` with the disk's bytes from `start` on; what the file does not hold is zeroes. */
  async read(target: Buffer, start: number): Promise<void> {
    for (let done = 0; done < target.length; ) {
      const { kind, offset, length } = await this.#stretchAt(start + done, target.length - done);
      const part = target.subarray(done, done + length);
      if (kind === 'data') await this.#readData(part, offset);
      else part.fill(0);
      done += length;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #place(start: number): Promise<Place> {
    const { clusterBits } = this.header;
    const table = await this.#tableOf(Math.floor(start / bytesPerTable(clusterBits)));
    if (table === undefined) return { kind: 'nothing', offset: 0, isWholeTable: true };
    const index = Math.floor((start % bytesPerTable(clusterBits)) / 2 ** clusterBits);
    const entry = table.readBigUInt64BE(index * ENTRY_BYTES);
    if ((entry & COMPRESSED) !== 0n) throw hostErrors.layerDamaged(this.path, 'it has compressed parts');
    if ((entry & READS_AS_ZERO) !== 0n) return { kind: 'zero', offset: 0 };
    const offset = Number(entry & OFFSET_MASK);
    return offset === 0 ? { kind: 'nothing', offset } : { kind: 'data', offset };
  }

  /** What begins at `start`, at most so many bytes: clusters that lie beside each other in the file are one stretch. */
  async #stretchAt(start: number, most: number): Promise<Place & { readonly length: number }> {
    const clusterBytes = 2 ** this.header.clusterBits;
    const place = await this.#place(start);
    const offset = place.offset + (start % clusterBytes);
    let length = Math.min(most, clusterBytes - (start % clusterBytes));
    while (place.kind === 'data' && length < most) {
      const next = await this.#place(start + length);
      const isBeside = next.kind === 'data' && next.offset === offset + length;
      // What begins behind the end of the file is refused when its turn comes.
      if (!isBeside || next.offset >= this.#bytes) break;
      length = Math.min(most, length + clusterBytes);
    }
    return { kind: place.kind, offset, length };
  }

  async #tableOf(index: number): Promise<Buffer | undefined> {
    if (this.#table?.index === index) return this.#table.entries;
    const offset = Number(this.#l1.readBigUInt64BE(index * ENTRY_BYTES) & OFFSET_MASK);
    const bytes = 2 ** this.header.clusterBits;
    const entries =
      offset === 0 ? undefined : await readExactly(this.#file, this.path, offset, bytes, this.#bytes);
    this.#table = { index, entries };
    return entries;
  }

  /** The last cluster of a file may be shorter than it is in the table: what is missing reads as zeroes. */
  async #readData(target: Buffer, offset: number): Promise<void> {
    if (offset >= this.#bytes)
      throw hostErrors.layerDamaged(this.path, `it ends before its data at ${offset}`);
    for (let done = 0; done < target.length; ) {
      const { bytesRead } = await this.#file.read(target, done, target.length - done, offset + done);
      if (bytesRead === 0) return void target.fill(0, done);
      done += bytesRead;
    }
  }
}

async function readExactly(
  file: FileHandle,
  path: string,
  offset: number,
  bytes: number,
  fileBytes: number,
): Promise<Buffer> {
  if (offset + bytes > fileBytes)
    throw hostErrors.layerDamaged(path, `it ends before its tables at ${offset}`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, offset);
  if (bytesRead < bytes) throw hostErrors.layerDamaged(path, `it ends before its tables at ${offset}`);
  return buffer;
}

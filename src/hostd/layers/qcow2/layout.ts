import { CHUNK_BYTES } from '../content/chunks.ts';
import type { Manifest } from '../content/manifest.ts';
import { bytesPerTable } from './header.ts';

const CLUSTER_BITS = Math.log2(CHUNK_BYTES);
const ENTRY_BYTES = 8;
const ENTRIES_PER_TABLE = CHUNK_BYTES / ENTRY_BYTES;
/** Reference counts have 16 bits. */
const COUNTS_PER_BLOCK = CHUNK_BYTES / 2;
const COPIED = 1n << 63n;
const READS_AS_ZERO = 1n;
const VERSION = 3;
const HEADER_BYTES = 104;
const REFCOUNT_ORDER = 4;
const BACKING_FORMAT_EXTENSION = 0xe279_2aca;
const MAGIC = 0x514649fb;

/** Where everything is in a file, in clusters from its beginning. */
type Places = {
  readonly countTable: number;
  readonly countBlocks: number;
  readonly l1: number;
  readonly l2: number;
  readonly data: number;
  readonly end: number;
};

export type LayerFile = {
  readonly virtualBytes: number;
  readonly manifest: Manifest;
  /** Absolute path of the parent's file. */
  readonly backing?: string;
};

/**
 * The layout of a qcow2 file that holds a layer: it follows from the manifest alone, the tables first, then the data chunks in order,
 * each in a cluster of its own. So chunks can be written in any order, and what is missing is a hole.
 */
export class Qcow2Layout {
  readonly #layer: LayerFile;
  readonly #l1Entries: number;
  /** Tables of the second level that there are, by their place in the first. */
  readonly #tables: readonly number[];
  readonly #places: Places;

  constructor(layer: LayerFile) {
    this.#layer = layer;
    this.#l1Entries = Math.max(1, Math.ceil(layer.virtualBytes / bytesPerTable(CLUSTER_BITS)));
    this.#tables = tablesOf(layer);
    this.#places = placesOf(this.#l1Entries, this.#tables.length, layer.manifest.dataCount);
  }

  get fileBytes(): number {
    return this.#places.end * CHUNK_BYTES;
  }

  /** Where the data of the chunk is, in bytes from the beginning of the file. */
  offsetOf(index: number): number {
    return (this.#places.data + this.#layer.manifest.dataRank(index)) * CHUNK_BYTES;
  }

  /** Everything before the data. */
  head(): Buffer {
    const { countTable, countBlocks, l1, l2, data, end } = this.#places;
    const head = Buffer.alloc(data * CHUNK_BYTES);
    this.#writeHeader(head);
    for (let block = countBlocks; block < l1; block += 1)
      head.writeBigUInt64BE(
        BigInt(block * CHUNK_BYTES),
        countTable * CHUNK_BYTES + (block - countBlocks) * ENTRY_BYTES,
      );
    for (let cluster = 0; cluster < end; cluster += 1)
      head.writeUInt16BE(1, countBlocks * CHUNK_BYTES + cluster * 2);
    for (const [at, table] of this.#tables.entries())
      head.writeBigUInt64BE(BigInt((l2 + at) * CHUNK_BYTES) | COPIED, l1 * CHUNK_BYTES + table * ENTRY_BYTES);
    this.#writeEntries(head);
    return head;
  }

  #writeHeader(head: Buffer): void {
    const { countTable, countBlocks, l1 } = this.#places;
    const { virtualBytes, backing } = this.#layer;
    head.writeUInt32BE(MAGIC, 0);
    head.writeUInt32BE(VERSION, 4);
    head.writeUInt32BE(CLUSTER_BITS, 20);
    head.writeBigUInt64BE(BigInt(virtualBytes), 24);
    head.writeUInt32BE(this.#l1Entries, 36);
    head.writeBigUInt64BE(BigInt(l1 * CHUNK_BYTES), 40);
    head.writeBigUInt64BE(BigInt(countTable * CHUNK_BYTES), 48);
    head.writeUInt32BE(countBlocks - countTable, 56);
    head.writeUInt32BE(REFCOUNT_ORDER, 96);
    head.writeUInt32BE(HEADER_BYTES, 100);
    if (backing === undefined) return;
    head.writeUInt32BE(BACKING_FORMAT_EXTENSION, HEADER_BYTES);
    head.writeUInt32BE('qcow2'.length, HEADER_BYTES + 4);
    head.write('qcow2', HEADER_BYTES + 8);
    // The extension is padded to 8 bytes; 8 more end the list of extensions.
    const nameAt = HEADER_BYTES + 24;
    head.writeBigUInt64BE(BigInt(nameAt), 8);
    head.writeUInt32BE(Buffer.byteLength(backing), 16);
    head.write(backing, nameAt);
  }

  #writeEntries(head: Buffer): void {
    const { manifest, backing } = this.#layer;
    const tableAt = new Map(this.#tables.map((table, at) => [table, at]));
    let index = 0;
    let rank = 0;
    for (const run of manifest.runs) {
      const isStored = run.kind === 'data' || (run.kind === 'zero' && backing !== undefined);
      for (const end = index + run.count; isStored && index < end; index += 1) {
        const table = this.#places.l2 + (tableAt.get(Math.floor(index / ENTRIES_PER_TABLE)) as number);
        const entry =
          run.kind === 'data' ? BigInt((this.#places.data + rank++) * CHUNK_BYTES) | COPIED : READS_AS_ZERO;
        head.writeBigUInt64BE(entry, table * CHUNK_BYTES + (index % ENTRIES_PER_TABLE) * ENTRY_BYTES);
      }
      if (!isStored) index += run.count;
    }
  }
}

/** Zeroes need an entry only where a parent's content would show. */
function tablesOf({ manifest, backing }: LayerFile): number[] {
  const tables = new Set<number>();
  let start = 0;
  for (const { kind, count } of manifest.runs) {
    const isStored = kind === 'data' || (kind === 'zero' && backing !== undefined);
    const last = Math.floor((start + count - 1) / ENTRIES_PER_TABLE);
    for (let table = Math.floor(start / ENTRIES_PER_TABLE); isStored && table <= last; table += 1)
      tables.add(table);
    start += count;
  }
  return [...tables];
}

function placesOf(l1Entries: number, tables: number, dataChunks: number): Places {
  const l1Clusters = Math.ceil((l1Entries * ENTRY_BYTES) / CHUNK_BYTES);
  // The counts count themselves: their number grows until it is enough.
  for (let blocks = 1; ; ) {
    const tableClusters = Math.ceil((blocks * ENTRY_BYTES) / CHUNK_BYTES);
    const countBlocks = 1 + tableClusters;
    const l1 = countBlocks + blocks;
    const data = l1 + l1Clusters + tables;
    const needed = Math.ceil((data + dataChunks) / COUNTS_PER_BLOCK);
    if (needed <= blocks)
      return { countTable: 1, countBlocks, l1, l2: l1 + l1Clusters, data, end: data + dataChunks };
    blocks = needed;
  }
}

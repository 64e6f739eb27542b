import { hostErrors } from '../../errors/index.ts';
import { type Chunk, type ChunkKind, type ChunkRun, DIGEST_BYTES } from './chunks.ts';
import type { ChunkList } from './merkle.ts';

const MAGIC = Buffer.from('coppice manifest 1\n');
const KINDS: readonly ChunkKind[] = ['zero', 'parent', 'data'];
/** Of a run in the file: one byte for the kind, six for the number of chunks. */
const RUN_HEAD_BYTES = 7;
const COUNT_BYTES = 6;

/** What each chunk of a layer is, in runs: a terabyte of which nothing is written takes a few bytes. */
export class Manifest implements ChunkList {
  readonly count: number;
  readonly runs: readonly ChunkRun[];
  /** Index of the first chunk of each run. */
  readonly #starts: readonly number[];
  /** How many data chunks are before each run. */
  readonly #ranks: readonly number[];
  readonly dataCount: number;

  constructor(runs: readonly ChunkRun[]) {
    this.runs = runs;
    const starts: number[] = [];
    const ranks: number[] = [];
    let [count, dataCount] = [0, 0];
    for (const run of runs) {
      starts.push(count);
      ranks.push(dataCount);
      count += run.count;
      if (run.kind === 'data') dataCount += run.count;
    }
    this.#starts = starts;
    this.#ranks = ranks;
    this.count = count;
    this.dataCount = dataCount;
  }

  /** @throws RangeError beyond the last chunk */
  at(index: number): Chunk {
    const { run, start } = this.runAt(index);
    if (run.kind !== 'data') return { kind: run.kind };
    const from = (index - start) * DIGEST_BYTES;
    return { kind: 'data', digest: run.digests.subarray(from, from + DIGEST_BYTES) };
  }

  /** How many data chunks are before this one. */
  dataRank(index: number): number {
    const at = this.#runIndex(index);
    return (this.#ranks[at] as number) + index - (this.#starts[at] as number);
  }

  runAt(index: number): { readonly run: ChunkRun; readonly start: number } {
    const at = this.#runIndex(index);
    return { run: this.runs[at] as ChunkRun, start: this.#starts[at] as number };
  }

  #runIndex(index: number): number {
    if (!(index >= 0 && index < this.count))
      throw new RangeError(`a layer of ${this.count} chunks has no chunk ${index}`);
    let [low, high] = [0, this.runs.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] as number) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Indexes of the chunks that have data of their own. */
  *dataChunks(): Generator<number> {
    for (const [at, run] of this.runs.entries()) {
      if (run.kind !== 'data') continue;
      const start = this.#starts[at] as number;
      for (let index = start; index < start + run.count; index += 1) yield index;
    }
  }

  encode(): Buffer {
    const parts = this.runs.flatMap((run) => {
      const head = Buffer.alloc(RUN_HEAD_BYTES);
      head.writeUInt8(KINDS.indexOf(run.kind), 0);
      head.writeUIntBE(run.count, 1, COUNT_BYTES);
      return run.kind === 'data' ? [head, run.digests] : [head];
    });
    return Buffer.concat([MAGIC, ...parts]);
  }

  /** @param what names the layer in the error @throws HostError LayerDamaged for bytes that are no manifest */
  static decode(bytes: Buffer, what: string): Manifest {
    const damaged = (problem: string) => hostErrors.layerDamaged(what, `its manifest ${problem}`);
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged('has not the mark of one');
    const runs: ChunkRun[] = [];
    let at = MAGIC.length;
    while (at < bytes.length) {
      if (at + RUN_HEAD_BYTES > bytes.length) throw damaged('ends in the middle');
      const kind = KINDS[bytes.readUInt8(at)];
      const count = bytes.readUIntBE(at + 1, COUNT_BYTES);
      if (kind === undefined || count === 0) throw damaged('has a run of no kind');
      at += RUN_HEAD_BYTES;
      if (kind !== 'data') {
        runs.push({ kind, count });
        continue;
      }
      const digests = bytes.subarray(at, at + count * DIGEST_BYTES);
      if (digests.length < count * DIGEST_BYTES) throw damaged('ends in the middle');
      runs.push({ kind, count, digests });
      at += digests.length;
    }
    return new Manifest(runs);
  }
}

/** Collects chunks in order into as few runs as there can be, so that equal layers have equal manifests. */
export class ManifestBuilder {
  readonly #runs: ChunkRun[] = [];
  #kind: ChunkKind | undefined;
  #count = 0;
  #digests: Buffer[] = [];

  add(kind: 'zero' | 'parent', count: number): void {
    if (count === 0) return;
    this.#turnTo(kind);
    this.#count += count;
  }

  addData(digest: Buffer): void {
    this.#turnTo('data');
    this.#count += 1;
    this.#digests.push(digest);
  }

  build(): Manifest {
    this.#close();
    return new Manifest(this.#runs);
  }

  #turnTo(kind: ChunkKind): void {
    if (this.#kind === kind) return;
    this.#close();
    this.#kind = kind;
  }

  #close(): void {
    const [kind, count] = [this.#kind, this.#count];
    if (kind === 'data') this.#runs.push({ kind, count, digests: Buffer.concat(this.#digests) });
    else if (kind !== undefined) this.#runs.push({ kind, count });
    [this.#kind, this.#count, this.#digests] = [undefined, 0, []];
  }
}

import { type FileHandle, open } from 'node:fs/promises';

/** As large as a cluster of qcow2: what is smaller would be stored as a whole there. */
const BLOCK_BYTES = 64 * 1024;
const BUFFER_BYTES = 16 * BLOCK_BYTES;
const ROOM_CHECK_BYTES = 16 * 1024 * 1024;
const ZEROES = Buffer.alloc(BLOCK_BYTES);

type Options = {
  /** Rejects when the disk has no room for more. Called before the first byte is written, and repeatedly afterwards. */
  readonly ensureRoom: () => Promise<unknown>;
};

/** A file that is written from its beginning to its end. Blocks of zeroes become holes, so that they take no space on the disk. */
export class SparseFile {
  readonly #file: FileHandle;
  readonly #options: Options;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #buffered = 0;
  /** Where the buffer goes. */
  #position = 0;
  #stored = 0;
  #checkAt = ROOM_CHECK_BYTES;

  private constructor(file: FileHandle, options: Options) {
    this.#file = file;
    this.#options = options;
  }

  /** Replaces what is there. */
  static async create(path: string, options: Options): Promise<SparseFile> {
    await options.ensureRoom();
    return new SparseFile(await open(path, 'w', 0o600), options);
  }

  /** How many bytes it has so far, holes included. */
  get bytes(): number {
    return this.#position + this.#buffered;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + BUFFER_BYTES - this.#buffered);
      this.#buffer.set(part, this.#buffered);
      this.#buffered += part.length;
      at += part.length;
      if (this.#buffered === BUFFER_BYTES) await this.#flush();
    }
  }

  /** Makes it as long as it should be, though it may end with a hole, and flushes it to the disk. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#file.truncate(this.#position);
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    const filled = this.#buffer.subarray(0, this.#buffered);
    for (const { start, end } of runsOfContent(filled)) {
      await this.#store(filled.subarray(start, end), this.#position + start);
    }
    this.#position += filled.length;
    this.#buffered = 0;
  }

  async #store(content: Buffer, position: number): Promise<void> {
    for (let written = 0; written < content.length; ) {
      const rest = content.length - written;
      written += (await this.#file.write(content, written, rest, position + written)).bytesWritten;
    }
    this.#stored += content.length;
    if (this.#stored < this.#checkAt) return;
    await this.#options.ensureRoom();
    this.#checkAt = this.#stored + ROOM_CHECK_BYTES;
  }
}

/** Where there is something else than zeroes, in whole blocks. */
function runsOfContent(content: Buffer): readonly { start: number; end: number }[] {
  const runs: { start: number; end: number }[] = [];
  for (let start = 0; start < content.length; start += BLOCK_BYTES) {
    const block = content.subarray(start, start + BLOCK_BYTES);
    if (block.equals(ZEROES.subarray(0, block.length))) continue;
    const last = runs.at(-1);
    if (last?.end === start) last.end += block.length;
    else runs.push({ start, end: start + block.length });
  }
  return runs;
}

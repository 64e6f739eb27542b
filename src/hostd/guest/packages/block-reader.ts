const cutOff = 'it was cut off: it ends in the middle of an entry';

/** Takes and skips exact numbers of bytes from a stream of chunks. */
export class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Throws when the stream ends before. */
  async take(bytes: number): Promise<Buffer> {
    const block = await this.blockOrEnd(bytes);
    if (block === undefined && bytes > 0) throw new Error(cutOff);
    return block ?? Buffer.alloc(0);
  }

  /** Undefined when the stream has ended; throws when it ends within the block. */
  async blockOrEnd(bytes: number): Promise<Buffer | undefined> {
    const parts: Uint8Array[] = [];
    for (let missing = bytes; missing > 0; ) {
      const part = await this.#upTo(missing);
      if (part === undefined && parts.length === 0) return undefined;
      if (part === undefined) throw new Error(cutOff);
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  async skip(bytes: number): Promise<void> {
    for await (const _ of this.pieces(bytes));
  }

  /** Exactly so many bytes, in whatever pieces they come. Throws when the stream ends before. */
  async *pieces(bytes: number): AsyncGenerator<Uint8Array> {
    for (let missing = bytes; missing > 0; ) {
      const part = await this.#upTo(missing);
      if (part === undefined) throw new Error(cutOff);
      missing -= part.length;
      yield part;
    }
  }

  /** Reads the rest, for the errors that may be in it. */
  async drain(): Promise<void> {
    while ((await this.#upTo(Number.MAX_SAFE_INTEGER)) !== undefined);
  }

  /** The rest is not wanted: lets the source free what it holds. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #upTo(bytes: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    const part = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(part.length);
    this.position += part.length;
    return part;
  }
}

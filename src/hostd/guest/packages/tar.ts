const blockBytes = 512;

/** Whether these first bytes of a file are a tar's first header. */
export function looksLikeTar(head: Buffer): boolean {
  return head.length >= blockBytes && checksumIsRight(head.subarray(0, blockBytes));
}

/**
 * The content of the ordinary file `name` at the top of a tar; undefined when it has none, or one of more than `limit`
 * bytes. Reads no further than needed. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
export async function findInTar(
  tar: AsyncIterable<Uint8Array>,
  name: string,
  limit: number,
): Promise<Buffer | undefined> {
  const reader = new BlockReader(tar);
  try {
    return await find(reader, name, limit);
  } finally {
    await reader.close();
  }
}

async function find(reader: BlockReader, name: string, limit: number): Promise<Buffer | undefined> {
  for (;;) {
    const header = await reader.take(blockBytes);
    // The archive's end is a block of zeroes, which has no right checksum.
    if (header === undefined || !checksumIsRight(header)) return undefined;
    const size = sizeIn(header);
    const wanted = isOrdinary(header) && nameIn(header) === name && size <= limit;
    if (wanted) return reader.take(size);
    await reader.skip(Math.ceil(size / blockBytes) * blockBytes);
  }
}

/** The sum of all bytes, the field of the sum itself taken as blanks. */
function checksumIsRight(header: Buffer): boolean {
  const recorded = octal(header.subarray(148, 156));
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return recorded === sum;
}

function isOrdinary(header: Buffer): boolean {
  const type = header[156];
  return type === 0 || type === '0'.charCodeAt(0);
}

function nameIn(header: Buffer): string {
  return text(header.subarray(0, 100)).replace(/^\.\//, '');
}

/** In octal digits, or, for large files of GNU tar, in binary with the highest bit set. */
function sizeIn(header: Buffer): number {
  const field = header.subarray(124, 136);
  const binary = ((field[0] ?? 0) & 0x80) !== 0;
  return binary ? Number(field.readBigUInt64BE(4)) : octal(field);
}

function octal(field: Buffer): number {
  return Number.parseInt(text(field).trim() || '0', 8);
}

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? field.length : end).toString();
}

/** Takes and skips exact numbers of bytes from a stream of chunks. */
class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Undefined when the stream ends before. */
  async take(bytes: number): Promise<Buffer | undefined> {
    const parts: Uint8Array[] = [];
    for (let missing = bytes; missing > 0; ) {
      const part = await this.#upTo(missing);
      if (part === undefined) return undefined;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  async skip(bytes: number): Promise<void> {
    for (let missing = bytes; missing > 0; ) {
      const part = await this.#upTo(missing);
      if (part === undefined) return;
      missing -= part.length;
    }
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
    return part;
  }
}

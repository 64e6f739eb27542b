const quote = 0x22;
const backslash = 0x5c;
const newline = 0x0a;
/** The agent's mark of a fresh start; UTF-8 never contains it. */
const delimiter = 0xff;
/** Base64 is decoded in groups of this many bytes. */
const group = 4;

/**
 * The same stream of JSON with short strings: of each string of more than `limitBytes` only the end is kept, cut where base64 may be
 * cut; one with escapes becomes empty. A guest's answer may contain any amount of output, which is thus never held as a whole. Line
 * feeds and the agent's delimiter, which no string contains, end a string that was never finished.
 */
export async function* withShortStrings(
  source: AsyncIterable<Uint8Array>,
  limitBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let text: LongText | undefined;
  for await (const chunk of source) {
    // Together, and copied: a reader that holds them holds neither a chunk for each, nor an object for each byte.
    const parts: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; ) {
      if (text === undefined) {
        const opening = chunk.indexOf(quote, at);
        const end = opening === -1 ? chunk.length : opening + 1;
        parts.push(chunk.subarray(at, end));
        at = end;
        if (opening !== -1) text = new LongText(limitBytes);
      } else {
        at = text.take(chunk, at);
        if (!text.ended) continue;
        parts.push(text.end());
        text = undefined;
      }
    }
    yield Buffer.concat(parts);
  }
  if (text !== undefined) yield text.end();
}

/** The end of one string, taken piece by piece. */
class LongText {
  readonly #limitBytes: number;
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  #droppedBytes = 0;
  #escaped = false;
  #closed = false;
  ended = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Takes what belongs to the string from `start` on, its closing quote included; returns where the rest begins. */
  take(chunk: Uint8Array, start: number): number {
    let end = start;
    for (; end < chunk.length && !this.#endsAt(chunk[end]); end += 1) {
      this.#escaped = chunk[end] === backslash && !this.#escaped;
    }
    this.#pieces.push(chunk.subarray(start, end));
    this.#heldBytes += end - start;
    if (this.#heldBytes > 2 * this.#limitBytes) this.#shorten();
    this.ended = end < chunk.length;
    this.#closed = chunk[end] === quote;
    return this.#closed ? end + 1 : end;
  }

  #endsAt(byte: number | undefined): boolean {
    return (byte === quote && !this.#escaped) || byte === newline || byte === delimiter;
  }

  /** What is kept of it, with its closing quote where it has one. */
  end(): Uint8Array {
    if (this.#droppedBytes + this.#heldBytes > this.#limitBytes) this.#shorten();
    const kept = Buffer.concat(this.#pieces);
    const text = this.#droppedBytes > 0 && kept.includes(backslash) ? Buffer.alloc(0) : kept;
    return this.#closed ? Buffer.concat([text, Buffer.of(quote)]) : text;
  }

  #shorten(): void {
    const held = Buffer.concat(this.#pieces);
    const surplus = held.length - this.#limitBytes;
    const dropped = this.#droppedBytes + surplus;
    const aligned = surplus + ((group - (dropped % group)) % group);
    this.#droppedBytes += aligned;
    this.#pieces = [held.subarray(aligned)];
    this.#heldBytes = held.length - aligned;
  }
}

import { createHash } from 'node:crypto';

const MAGIC = Buffer.from('coppice presence 1\n');
const DIGEST_BYTES = 32;

/** Which of a layer's data chunks are in an unfinished file, by their rank among them. */
export class PresenceMap {
  readonly total: number;
  readonly #bits: Buffer;
  #count = 0;

  constructor(total: number, bits: Buffer = Buffer.alloc(Math.ceil(total / 8))) {
    this.total = total;
    this.#bits = bits;
    for (const byte of bits) this.#count += onesIn(byte);
  }

  get count(): number {
    return this.#count;
  }

  has(rank: number): boolean {
    return (this.#byte(rank) & this.#mask(rank)) !== 0;
  }

  add(rank: number): void {
    if (this.has(rank)) return;
    this.#bits[rank >> 3] = this.#byte(rank) | this.#mask(rank);
    this.#count += 1;
  }

  remove(rank: number): void {
    if (!this.has(rank)) return;
    this.#bits[rank >> 3] = this.#byte(rank) & ~this.#mask(rank);
    this.#count -= 1;
  }

  copy(): PresenceMap {
    return new PresenceMap(this.total, Buffer.from(this.#bits));
  }

  /** As it is stored, with a digest over it. */
  encode(identity: string): Buffer {
    return Buffer.concat([MAGIC, digestOf(identity, this.#bits), this.#bits]);
  }

  /** Undefined for bytes that are not the map of that layer, whole and unchanged. */
  static decode(bytes: Buffer, identity: string, total: number): PresenceMap | undefined {
    const digest = bytes.subarray(MAGIC.length, MAGIC.length + DIGEST_BYTES);
    const bits = Buffer.from(bytes.subarray(MAGIC.length + DIGEST_BYTES));
    const isWhole = bytes.subarray(0, MAGIC.length).equals(MAGIC) && bits.length === Math.ceil(total / 8);
    return isWhole && digestOf(identity, bits).equals(digest) ? new PresenceMap(total, bits) : undefined;
  }

  #byte(rank: number): number {
    if (!(rank >= 0 && rank < this.total)) throw new RangeError(`there is no chunk ${rank} of ${this.total}`);
    return this.#bits[rank >> 3] as number;
  }

  #mask(rank: number): number {
    return 1 << (rank & 7);
  }
}

function digestOf(identity: string, bits: Buffer): Buffer {
  return createHash('sha256').update(identity).update(bits).digest();
}

function onesIn(byte: number): number {
  let ones = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) ones += 1;
  return ones;
}

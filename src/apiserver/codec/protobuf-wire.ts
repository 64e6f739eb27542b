/** Protobuf's wire format: https://protobuf.dev/programming-guides/encoding/ */

/** A body that is no protobuf, or does not fit its message; in the words of Go's decoder. */
export class ProtobufError extends Error {}

/** How a field's value is written. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;

const START_GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;

/** How deep messages may be in each other, so that no input exhausts the stack: schemas are the only ones that recur. */
const MAX_DEPTH = 1000;

/** Reads fields one after the other. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #depth: number;
  #position = 0;

  constructor(bytes: Buffer, depth = 0) {
    this.#bytes = bytes;
    this.#depth = depth;
  }

  get done(): boolean {
    return this.#position >= this.#bytes.length;
  }

  /** The number and the wire type of the next field of that message. */
  tag(message: string): { number: number; wireType: number } {
    const tag = this.varint();
    const wireType = Number(tag & 7n);
    const number = Number(BigInt.asIntN(32, tag >> 3n));
    if (wireType === END_GROUP)
      throw new ProtobufError(`proto: ${message}: wiretype end group for non-group`);
    if (number <= 0) {
      throw new ProtobufError(
        `proto: ${message}: illegal tag ${number} (wire type ${BigInt.asUintN(64, tag)})`,
      );
    }
    return { number, wireType };
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 64n; shift += 7n) {
      const byte = this.#bytes[this.#position++];
      if (byte === undefined) throw new ProtobufError('unexpected EOF');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new ProtobufError('proto: integer overflow');
  }

  /** The bytes of a field with a length. */
  bytes(): Buffer {
    const length = this.varint();
    if (length < 0n) throw new ProtobufError('proto: negative length found during unmarshaling');
    return this.#take(Number(length));
  }

  /** A reader of the message that a field holds. */
  nested(): WireReader {
    if (this.#depth >= MAX_DEPTH) throw new ProtobufError('exceeded max depth');
    return new WireReader(this.bytes(), this.#depth + 1);
  }

  double(): number {
    return this.#take(8).readDoubleLE();
  }

  /** Passes over the value of a field that nobody knows. */
  skip(wireType: number): void {
    if (wireType === VARINT) this.varint();
    else if (wireType === FIXED64) this.#take(8);
    else if (wireType === BYTES) this.bytes();
    else if (wireType === START_GROUP) this.#skipGroup();
    else if (wireType === FIXED32) this.#take(4);
    else throw new ProtobufError(`proto: illegal wireType ${wireType}`);
  }

  /** Groups may hold groups; they are counted, so that no input can exhaust the stack. */
  #skipGroup(): void {
    for (let depth = 1; depth > 0; ) {
      const wireType = Number(this.varint() & 7n);
      if (wireType === START_GROUP) depth++;
      else if (wireType === END_GROUP) depth--;
      else this.skip(wireType);
    }
  }

  #take(length: number): Buffer {
    const end = this.#position + length;
    if (end > this.#bytes.length) throw new ProtobufError('unexpected EOF');
    const bytes = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return bytes;
  }
}

/** An integer of up to 64 bits; a negative one takes ten bytes. */
function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** A field of bytes, with its length before them. */
export function bytesField(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + BYTES), varint(content.length), content]);
}

/** A field that holds an integer. */
export function varintField(number: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(number * 8 + VARINT), varint(value)]);
}

/** A field that holds a 64-bit floating-point number. */
export function doubleField(number: number, value: number): Buffer {
  const eight = Buffer.alloc(8);
  eight.writeDoubleLE(value);
  return Buffer.concat([varint(number * 8 + FIXED64), eight]);
}

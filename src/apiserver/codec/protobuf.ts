import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { MESSAGES } from './protobuf-messages.ts';

/** The four bytes that begin every Kubernetes protobuf body. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

export class ProtobufError extends Error {}

/** Reads protobuf's wire format: https://protobuf.dev/programming-guides/encoding/ */
class WireReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#position >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#position++];
      if (byte === undefined) throw new ProtobufError('unexpected EOF');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new ProtobufError('proto: integer overflow');
  }

  /** Payload of one field: a number for a varint, bytes for every other wire type. */
  payload(wireType: number): bigint | Buffer {
    if (wireType === 0) return this.varint();
    const lengths: Record<number, () => number> = { 1: () => 8, 2: () => Number(this.varint()), 5: () => 4 };
    const length = lengths[wireType]?.();
    if (length === undefined) throw new ProtobufError(`proto: illegal wireType ${wireType}`);
    const end = this.#position + length;
    if (length < 0 || end > this.#bytes.length) throw new ProtobufError('unexpected EOF');
    const bytes = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return bytes;
  }
}

function* fieldsOf(bytes: Buffer): Generator<[number: number, payload: bigint | Buffer]> {
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = Number(reader.varint());
    yield [tag >>> 3, reader.payload(tag & 7)];
  }
}

function asBytes(payload: bigint | Buffer): Buffer {
  if (typeof payload === 'bigint') throw new ProtobufError('proto: wrong wireType');
  return payload;
}

function timeOf(bytes: Buffer, micro: boolean): string | undefined {
  let seconds = 0;
  let nanos = 0;
  for (const [number, payload] of fieldsOf(bytes)) {
    if (number === 1) seconds = Number(payload);
    if (number === 2) nanos = Number(payload);
  }
  // Go's zero time, which stands for "not set".
  if (bytes.length === 0 || seconds === -62135596800) return undefined;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return micro ? `${whole}.${String(Math.trunc(nanos / 1000)).padStart(6, '0')}Z` : `${whole}Z`;
}

function scalar(type: string, payload: bigint | Buffer): JsonValue | undefined {
  switch (type) {
    case 'string':
      return asBytes(payload).toString('utf8');
    case 'bytes':
      return asBytes(payload).toString('base64');
    case 'int':
      return Number(payload);
    case 'bool':
      return payload !== 0n;
    case 'Json':
      return JSON.parse(asBytes(payload).toString('utf8')) as JsonValue;
    case 'Time':
    case 'MicroTime':
      return timeOf(asBytes(payload), type === 'MicroTime');
    default:
      return messageOf(type, asBytes(payload));
  }
}

function mapEntry(type: string, payload: Buffer): JsonObject {
  let key = '';
  let value = scalar(type, Buffer.alloc(0));
  for (const [number, part] of fieldsOf(payload)) {
    if (number === 1) key = asBytes(part).toString('utf8');
    if (number === 2) value = scalar(type, part);
  }
  return { [key]: value };
}

function isEmpty(value: JsonValue | undefined): boolean {
  return value === undefined || value === '' || value === 0 || value === false;
}

function setField(target: JsonObject, name: string, type: string, payload: bigint | Buffer): void {
  if (type.startsWith('[]')) {
    const list = (own(target, name) ?? []) as JsonValue[];
    setOwn(target, name, [...list, scalar(type.slice(2), payload) ?? null]);
  } else if (type.startsWith('{}')) {
    setOwn(target, name, {
      ...(own(target, name) as JsonObject | undefined),
      ...mapEntry(type.slice(2), asBytes(payload)),
    });
  } else if (type.startsWith('*')) {
    setOwn(target, name, scalar(type.slice(1), payload));
  } else {
    const value = scalar(type, payload);
    if (!isEmpty(value)) setOwn(target, name, value);
  }
}

function messageOf(type: string, bytes: Buffer): JsonValue {
  const fields = own(MESSAGES, type);
  if (fields === undefined) throw new ProtobufError(`no kind ${JSON.stringify(type)} is known in protobuf`);
  const message: JsonObject = {};
  for (const [number, payload] of fieldsOf(bytes)) {
    const field = fields[number];
    if (field === undefined) continue;
    if (field[1] === 'Json') return scalar('Json', payload) ?? null;
    setField(message, field[0], field[1], payload);
  }
  return message;
}

/** Decodes a body of `application/vnd.kubernetes.protobuf` into the object it stands for. */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, 4).equals(MAGIC)) throw new ProtobufError('the body is not Kubernetes protobuf');
  let type: JsonObject = {};
  let raw: Buffer = Buffer.alloc(0);
  for (const [number, payload] of fieldsOf(body.subarray(4))) {
    if (number === 1) type = messageOf('TypeMeta', asBytes(payload)) as JsonObject;
    if (number === 2) raw = asBytes(payload);
  }
  const kind = String(type.kind ?? '');
  const name = kind === 'Event' ? `${String(type.apiVersion)}/Event` : kind;
  return { ...type, ...(messageOf(name, raw) as JsonObject) };
}

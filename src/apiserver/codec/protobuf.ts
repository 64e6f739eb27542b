/** Objects from Kubernetes' protobuf: what Go's clients send for every built-in kind. */

import { own, setOwn } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { scanJson } from './json-scanner.ts';
import { fieldsOf, messageName } from './protobuf-messages.ts';
import { toJson } from './protobuf-shapes.ts';
import { BYTES, FIXED64, ProtobufError, VARINT, WireReader } from './protobuf-wire.ts';

/** The four bytes that begin every Kubernetes protobuf body. */
export const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

/** The type of an object. */
export interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

/** An envelope around an object: `raw` is the object's own message. */
export interface Envelope extends TypeMeta {
  readonly raw: Buffer;
}

/** Fields whose name in Go is more than the capitalized one in JSON. */
const GO_NAMES: Readonly<Record<string, string>> = {
  metadata: 'ObjectMeta',
  uid: 'UID',
  id: 'ID',
  url: 'URL',
  apiVersion: 'APIVersion',
  apiGroup: 'APIGroup',
  apiGroups: 'APIGroups',
  caBundle: 'CABundle',
  jsonPath: 'JSONPath',
  reportingComponent: 'ReportingController',
};

function goName(field: string): string {
  const known = own(GO_NAMES, field);
  const words = field.replace(/^\$/, '').replace(/^x-kubernetes-/, 'x-');
  return known ?? words.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

const WIRE_TYPES: Readonly<Record<string, number>> = {
  int32: VARINT,
  int64: VARINT,
  bool: VARINT,
  double: FIXED64,
};

/** Go's zero time, in seconds since the epoch: it stands for "not set". */
const ZERO_TIME = -62135596800;
/** Where Go's years have more than four digits, and JSON has no time. */
const END_OF_TIME = 253402300800;

function timeOf(reader: WireReader, micro: boolean): JsonValue | undefined {
  if (reader.done) return undefined;
  const { seconds = 0, nanos = 0 } = message('Timestamp', reader) as { seconds?: number; nanos?: number };
  if (seconds === ZERO_TIME) return undefined;
  if (seconds < ZERO_TIME || seconds >= END_OF_TIME) {
    throw new ProtobufError('Time.MarshalJSON: year outside of range [0,9999]');
  }
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return micro ? `${whole}.${String(Math.trunc(nanos / 1000)).padStart(6, '0')}Z` : `${whole}Z`;
}

function jsonOf(bytes: Buffer): JsonValue {
  const text = bytes.toString('utf8');
  const problem = text === '' ? undefined : scanJson(text).problem;
  if (problem !== undefined) throw new ProtobufError(problem);
  return text === '' ? null : (JSON.parse(text) as JsonValue);
}

/** A value; undefined stands for a time that is not set. */
function readValue(type: string, reader: WireReader): JsonValue | undefined {
  switch (type) {
    case 'int32':
      return Number(BigInt.asIntN(32, reader.varint()));
    case 'int64':
      return Number(reader.varint());
    case 'bool':
      return reader.varint() !== 0n;
    case 'double':
      return reader.double();
    case 'string':
      return reader.bytes().toString('utf8');
    case 'bytes':
      return reader.bytes().toString('base64');
    case 'Json':
      return jsonOf(reader.bytes());
    case 'Time':
    case 'MicroTime':
      return timeOf(reader.nested(), type === 'MicroTime');
    default:
      return message(type, reader.nested());
  }
}

const NOTHING = new WireReader(Buffer.alloc(0));
const EMPTY: Readonly<Record<string, JsonValue>> = { string: '', bytes: '' };

function mapEntry(type: string, reader: WireReader): [key: string, value: JsonValue] {
  let key = '';
  let value: JsonValue | undefined = own(EMPTY, type) ?? message(type, NOTHING);
  while (!reader.done) {
    const { number, wireType } = reader.tag('MapEntry');
    if (number === 1) key = reader.bytes().toString('utf8');
    else if (number === 2) value = readValue(type, reader);
    else reader.skip(wireType);
  }
  return [key, value ?? null];
}

function isZero(value: JsonValue | undefined): boolean {
  return value === undefined || value === '' || value === 0 || value === false;
}

function readField(target: JsonObject, name: string, type: string, reader: WireReader): void {
  const element = type.slice(2);
  if (type.startsWith('[]')) {
    const list = (own(target, name) ?? []) as JsonValue[];
    list.push(readValue(element, reader) ?? null);
    setOwn(target, name, list);
  } else if (type.startsWith('{}')) {
    const map = (own(target, name) ?? {}) as JsonObject;
    setOwn(map, ...mapEntry(element, reader.nested()));
    setOwn(target, name, map);
  } else {
    const value = readValue(type.replace(/^[*!]/, ''), reader);
    // JSON that is there says itself what it is: 0 is a default, too.
    const isUnset = /^[*!]|^Json$/.test(type) ? value === undefined : isZero(value);
    if (isUnset) delete target[name];
    else setOwn(target, name, value);
  }
}

const ZERO: Readonly<Record<string, JsonValue>> = { '!string': '', '!bool': false, '!int32': 0 };

function message(name: string, reader: WireReader): JsonValue {
  const fields = fieldsOf(name);
  const result: JsonObject = {};
  for (const [field, type] of Object.values(fields)) {
    const zero = own(ZERO, type);
    if (zero !== undefined) setOwn(result, field, zero);
  }
  const shown = name.slice(name.lastIndexOf('/') + 1);
  while (!reader.done) {
    const { number, wireType } = reader.tag(shown);
    const [field, type = ''] = fields[number] ?? [];
    if (field === undefined) reader.skip(wireType);
    else if (wireType === (own(WIRE_TYPES, type.replace(/^[*!]/, '')) ?? BYTES)) {
      readField(result, field, type, reader);
    } else throw new ProtobufError(`proto: wrong wireType = ${wireType} for field ${goName(field)}`);
  }
  return toJson(name, result);
}

/**
 * Opens a body of `application/vnd.kubernetes.protobuf`. Throws ProtobufError for a body that is none.
 *
 * @param expected the type of an object that does not say its own
 */
export function openEnvelope(body: Buffer, expected: TypeMeta): Envelope {
  if (body.length === 0) throw new ProtobufError('empty data');
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) {
    const prefix = `expected prefix [${[...MAGIC].join(' ')}]`;
    throw new ProtobufError(`provided data does not appear to be a protobuf message, ${prefix}`);
  }
  if (body.length === MAGIC.length) throw new ProtobufError('empty body');
  let type: JsonObject = {};
  let raw: Buffer = Buffer.alloc(0);
  const reader = new WireReader(body.subarray(MAGIC.length));
  while (!reader.done) {
    const { number, wireType } = reader.tag('Unknown');
    if (number === 1 && wireType === BYTES) type = message('TypeMeta', reader.nested()) as JsonObject;
    else if (number === 2 && wireType === BYTES) raw = reader.bytes();
    else if (number > 4) reader.skip(wireType);
    else if (wireType === BYTES) reader.bytes();
    else throw new ProtobufError(`proto: wrong wireType = ${wireType} for field ${UNKNOWN_FIELDS[number]}`);
  }
  const { apiVersion = expected.apiVersion, kind = expected.kind } = type as Partial<TypeMeta>;
  return { apiVersion, kind, raw };
}

const UNKNOWN_FIELDS = ['', 'TypeMeta', 'Raw', 'ContentEncoding', 'ContentType'];

/** The object in an envelope. Throws ProtobufError for one that does not fit its kind. */
export function decodeEnvelope({ apiVersion, kind, raw }: Envelope): JsonObject {
  return { apiVersion, kind, ...(message(messageName(apiVersion, kind), new WireReader(raw)) as JsonObject) };
}

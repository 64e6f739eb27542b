/** Objects as Kubernetes' protobuf, field by field as Go writes them. */

import { own } from '../../base/own.ts';
import type { JsonObject, JsonValue } from '../types.ts';
import { MAGIC, type TypeMeta } from './protobuf.ts';
import { fieldsOf, messageName } from './protobuf-messages.ts';
import { fromJson } from './protobuf-shapes.ts';
import { bytesField, doubleField, varintField } from './protobuf-wire.ts';

const NOTHING = Buffer.alloc(0);

/** Writes nothing for a time that is not set: Go's zero time. */
function timestamp(value: JsonValue | undefined, micro: boolean): Buffer {
  if (typeof value !== 'string' || value === '') return NOTHING;
  const [, whole = '', fraction = '', zone = ''] = /^(.{19})(?:\.(\d+))?(.*)$/.exec(value) ?? [];
  const micros = micro ? Number(fraction.slice(0, 6).padEnd(6, '0')) : 0;
  const seconds = Date.parse(`${whole}${zone}`) / 1000;
  // A leap second, which Go does not know either.
  if (Number.isNaN(seconds)) return NOTHING;
  return Buffer.concat([varintField(1, seconds), varintField(2, micros * 1000)]);
}

/** A value of that type as the field of that number. */
function written(number: number, type: string, value: JsonValue | undefined): Buffer {
  switch (type) {
    case 'int32':
    case 'int64':
    case 'bool':
      return varintField(number, Number(value ?? 0));
    case 'double':
      return doubleField(number, Number(value ?? 0));
    case 'string':
      return bytesField(number, Buffer.from(String(value ?? '')));
    case 'bytes':
      return bytesField(number, Buffer.from(String(value ?? ''), 'base64'));
    case 'Json':
      return bytesField(number, Buffer.from(JSON.stringify(value ?? null)));
    case 'Time':
    case 'MicroTime':
      return bytesField(number, timestamp(value, type === 'MicroTime'));
    default:
      return bytesField(number, message(type, value ?? null));
  }
}

function mapEntries(number: number, type: string, map: JsonObject): Buffer[] {
  const entries = Object.entries(map).map(([key, value]) => ({ key: Buffer.from(key), value }));
  return entries
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ key, value }) =>
      bytesField(number, Buffer.concat([bytesField(1, key), written(2, type, value)])),
    );
}

/** Go writes no bytes, in a message of its own, where there are none. */
const OMITTED = ['bytes', 'Json'];

function field(number: number, type: string, value: JsonValue | undefined): Buffer[] {
  const isUnset = value === undefined || value === null;
  const [prefix, element] = [type.slice(0, 2), type.slice(2)];
  if (prefix === '[]') {
    return isUnset ? [] : (value as JsonValue[]).map((item) => written(number, element, item));
  }
  if (prefix === '{}') return isUnset ? [] : mapEntries(number, element, value as JsonObject);
  if (isUnset && (type.startsWith('*') || OMITTED.includes(type))) return [];
  return [written(number, type.replace(/^[*!]/, ''), value)];
}

function message(name: string, value: JsonValue): Buffer {
  const fields = Object.entries(fieldsOf(name));
  const source = fromJson(name, value);
  return Buffer.concat(
    fields.flatMap(([number, [key, type]]) => field(Number(number), type, own(source, key))),
  );
}

/** An object of one of Kubernetes' own kinds, or a list of them, as a body of `application/vnd.kubernetes.protobuf`. */
export function encodeProtobuf(object: JsonObject): Buffer {
  const { apiVersion = '', kind = '' } = object as Partial<TypeMeta>;
  const envelope = [
    bytesField(1, message('TypeMeta', { apiVersion, kind })),
    bytesField(2, message(messageName(apiVersion, kind), object)),
    bytesField(3, NOTHING),
    bytesField(4, NOTHING),
  ];
  return Buffer.concat([MAGIC, ...envelope]);
}

/** One event of a watch, with its length before it. */
export function encodeEvent(type: string, object: JsonObject): Buffer {
  const raw = bytesField(1, encodeProtobuf(object));
  const event = Buffer.concat([bytesField(1, Buffer.from(type)), bytesField(2, raw)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

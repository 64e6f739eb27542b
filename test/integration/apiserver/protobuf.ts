import type { IncomingMessage } from 'node:http';
import { decodeEnvelope, openEnvelope } from '../../../src/apiserver/codec/protobuf.ts';
import { encodeEvent, encodeProtobuf } from '../../../src/apiserver/codec/protobuf-encode.ts';
import { bytesField, WireReader } from '../../../src/apiserver/codec/protobuf-wire.ts';
import type { JsonObject } from '../../../src/apiserver/types.ts';

const NO_TYPE = { apiVersion: '', kind: '' };

function objectOf(bytes: Buffer): JsonObject {
  return decodeEnvelope(openEnvelope(bytes, NO_TYPE));
}

/** What a server sent, with a note where our own codec would have written it otherwise: it then knows less, or more, than Go's. */
function exactly(object: JsonObject, sent: Buffer, written: Buffer): JsonObject {
  if (sent.equals(written)) return object;
  return { ...object, sent: sent.toString('hex'), written: written.toString('hex') };
}

/** The object of an answer in protobuf. */
export function readProtobuf(bytes: Buffer): JsonObject {
  const object = objectOf(bytes);
  return exactly(object, bytes, encodeProtobuf(object));
}

/** The events of a watch in protobuf, each with its length before it. */
export async function* protobufEvents(response: IncomingMessage): AsyncGenerator<JsonObject> {
  let pending = Buffer.alloc(0);
  for await (const chunk of response as AsyncIterable<Buffer>) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
      const frame = pending.subarray(0, 4 + pending.readUInt32BE());
      pending = pending.subarray(frame.length);
      yield eventOf(frame);
    }
  }
}

function eventOf(frame: Buffer): JsonObject {
  const event = fields(frame.subarray(4));
  const type = String(event[1]);
  const object = objectOf(fields(event[2] ?? Buffer.alloc(0))[1] ?? Buffer.alloc(0));
  return exactly({ type, object }, frame, encodeEvent(type, object));
}

function fields(message: Buffer): Record<number, Buffer> {
  const found: Record<number, Buffer> = {};
  const reader = new WireReader(message);
  while (!reader.done) found[reader.tag('WatchEvent').number] = reader.bytes();
  return found;
}

/** A body in protobuf whose object is these bytes. */
export function protobufBody(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const type = Buffer.concat([bytesField(1, Buffer.from(apiVersion)), bytesField(2, Buffer.from(kind))]);
  return Buffer.concat([Buffer.from('k8s\0'), bytesField(1, type), bytesField(2, raw)]);
}

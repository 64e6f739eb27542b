/** kube stores objects in etcd, which takes requests of 1.5 MiB. The embedded server refuses what kube could not store, in the same words. */

import { own } from '../../base/own.ts';
import { goJsonBytes } from '../codec/go-json-bytes.ts';
import { etcdKey, type Resource } from '../registry/resource.ts';
import { ApiError } from '../status-errors.ts';
import type { JsonSchema, KubeObject } from '../types.ts';

const ETCD_REQUEST_BYTES = 1.5 * 1024 * 1024;
/** What etcd adds to a request when it passes it to its members. */
const ETCD_HEADER_BYTES = 18;
/** What kube's client of etcd sends at most. */
const GRPC_BYTES = 2 * 1024 * 1024;

/**
 * Throws 500, as kube does, when the object is too large for etcd.
 *
 * @param key the object's key in its bucket
 * @param revision of the object that is replaced; undefined when there is none
 */
export function checkStorable(
  resource: Resource,
  key: string,
  object: KubeObject,
  revision: number | undefined,
): void {
  const { resourceVersion: _, ...metadata } = object.metadata;
  const stored = { ...object, metadata };
  // Go ends what it encodes with a newline.
  const json = `${JSON.stringify(stored)}\n`;
  if (json.length * 6 < ETCD_REQUEST_BYTES) return;
  const bytes = resource.custom ? goJsonBytes(json) : protobufBytes(stored, resource.schema);
  const sent = requestBytes(Buffer.byteLength(etcdKey(resource, key)), bytes, revision);
  const over = `rpc error: code = ResourceExhausted desc = trying to send message larger than max (${sent} vs. ${GRPC_BYTES})`;
  if (sent > GRPC_BYTES) throw new ApiError({ code: 500, message: over });
  if (sent + ETCD_HEADER_BYTES > ETCD_REQUEST_BYTES)
    throw new ApiError({ code: 500, message: 'etcdserver: request is too large' });
}

/** A transaction of etcd: puts the value if the key has the revision, and else reads what is there. */
function requestBytes(keyBytes: number, valueBytes: number, revision: number | undefined): number {
  const key = field(keyBytes);
  const compare = field(2 + key + 1 + varintBytes(revision ?? 0));
  const put = field(field(key + field(valueBytes)));
  return compare + put + (revision === undefined ? 0 : field(field(key)));
}

/** A field of protobuf with a length: its tag, the length, the content. */
function field(bytes: number): number {
  return 1 + varintBytes(bytes) + bytes;
}

function varintBytes(value: number): number {
  return value < 128 ? 1 : 1 + varintBytes(Math.floor(value / 128));
}

/** About what an object of a built-in kind takes in protobuf: the names of its fields, which protobuf does not have, count. */
function protobufBytes(value: unknown, schema: JsonSchema | undefined): number {
  if (typeof value === 'string') {
    return field(schema?.format === 'byte' ? (value.length * 3) / 4 : Buffer.byteLength(value));
  }
  if (typeof value !== 'object' || value === null) return field(1);
  if (Array.isArray(value)) {
    return value.reduce<number>((sum, item) => sum + protobufBytes(item, schema?.items), 0);
  }
  return Object.entries(value).reduce((sum, [name, item]) => {
    if (name === 'fieldsV1') return sum + field(goJsonBytes(JSON.stringify(item)));
    const extra = schema?.additionalProperties;
    const below = own(schema?.properties, name) ?? (typeof extra === 'object' ? extra : undefined);
    return sum + field(Buffer.byteLength(name)) + protobufBytes(item, below);
  }, 2);
}

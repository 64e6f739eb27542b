/** Which requests take long: the work on an object grows with what the client sent and with what is stored. */

import type { RequestBody } from '../codec/decode.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import type { Backend, ResourceRequest } from '../handlers/context.ts';
import { keyOf } from '../registry/resource.ts';
import type { JsonValue } from '../types.ts';

/** An object of so many bytes, if they are all keys, keeps a thread busy for some 50 ms. */
export const LARGE_BYTES = 32 * 1024;
/** A text of so many bytes may grow to a large object by aliases. */
const GROWING_BYTES = 1024;

const WRITES = ['create', 'update', 'patch', 'delete'];

/** Whether a request's answer may take long and is work on one object. */
export function isLarge({ store }: Backend, request: ResourceRequest): boolean {
  const { verb, resource, namespace, name, body } = request;
  if (!WRITES.includes(verb)) return false;
  const stored =
    name === undefined ? undefined : store.get(resource.bucket, keyOf(resource, namespace, name));
  return body.bytes.length + (stored?.json.length ?? 0) >= LARGE_BYTES || isLargeBody(body) || copies(body);
}

/** Whether it takes long to read a body: it is large, or is YAML that may have aliases. */
export function isLargeBody({ mediaType, bytes }: RequestBody): boolean {
  if (bytes.length >= LARGE_BYTES) return true;
  return (
    mediaType.includes('yaml') && bytes.length >= GROWING_BYTES && bytes.includes('&') && bytes.includes('*')
  );
}

/** Whether a JSON patch copies: a value may be doubled with each operation. */
function copies(body: RequestBody): boolean {
  if (!body.mediaType.includes('json-patch')) return false;
  try {
    const operations = JSON.parse(body.bytes.toString()) as JsonValue;
    return Array.isArray(operations) && operations.some((one) => isJsonObject(one) && one.op === 'copy');
  } catch {
    return false;
  }
}

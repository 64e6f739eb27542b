import type { IncomingMessage } from 'node:http';
import type { RequestBody } from '../codec/decode.ts';
import { tooLarge } from '../status-errors.ts';

/** kube-apiserver's limit, 3 MiB: an object of etcd's 1.5 MB fits in any encoding. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Reads the whole body. Throws 413 as soon as it is longer than allowed. */
export async function readBody(request: IncomingMessage): Promise<RequestBody> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > MAX_BODY_BYTES) throw tooLarge(`limit is ${MAX_BODY_BYTES}`);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw tooLarge(`limit is ${MAX_BODY_BYTES}`);
    chunks.push(chunk);
  }
  return { mediaType: mediaTypeOf(request), bytes: Buffer.concat(chunks) };
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const PARAMETERS = new RegExp(`^(?:\\s*;\\s*${TOKEN}=(?:${TOKEN}|${QUOTED}))*\\s*;?$`);

/** The body's type. kube compares that of a patch as it is written; of others it refuses malformed parameters. */
function mediaTypeOf({ method, headers }: IncomingMessage): string {
  const header = headers['content-type'] ?? '';
  const [type = ''] = header.split(';');
  if (method === 'PATCH') return type;
  return PARAMETERS.test(header.slice(type.length).trimEnd()) ? type.trim().toLowerCase() : header;
}

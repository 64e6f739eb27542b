import { Readable } from 'node:stream';

/**
 * A request's body that calls `beforeSend` just before it is sent. If that throws, nothing is sent and the request fails.
 * undici reads a body when it has a connection, and writes nothing, not even headers, before the first part of the body is there.
 */
export function fencedBody(content: string | Buffer | undefined, beforeSend: () => void): Readable {
  return Readable.from(parts(content, beforeSend), { objectMode: false });
}

async function* parts(
  content: string | Buffer | undefined,
  beforeSend: () => void,
): AsyncGenerator<string | Buffer> {
  beforeSend();
  if (content !== undefined) yield content;
}

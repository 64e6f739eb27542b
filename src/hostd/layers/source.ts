import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Dispatcher, sendAlone } from '../../base/http.ts';
import { hasUserinfo } from '../../base/shown-url.ts';
import { codeOf, hostErrors } from '../errors/index.ts';

/**
 * An opened source: its bytes from `offset` on, which may differ from the requested offset. A part of the body stays as it is until
 * the next one is asked for.
 */
export type OpenSource = {
  readonly offset: number;
  /** Size of the whole file, if the source announces it. */
  readonly totalBytes: number | undefined;
  readonly body: Readable;
};

const MAX_REDIRECTS = 5;
const SILENCE_LIMIT_MS = 30_000;
/** How much of a file of this host is read at once. */
const READ_BYTES = 1024 * 1024;
/** One is worked on, one waits, one is being filled. */
const BUFFERS = 3;
/**
 * Answers after which the whole file is fetched: its part was another one (206), the file is shorter than what is here (416), or the
 * server, or a proxy before it, has no ranges. Others say nothing about the range, and what is here is kept.
 */
const REFUSES_RANGE = new Set([206, 400, 403, 405, 406, 409, 412, 413, 416, 417, 501, 505]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Opens an `http:` or `https:` address at `offset` (at the beginning if the source does not support ranges), or a `file:` address
 * below one of `fileRoots`.
 */
export async function openSource(
  url: string,
  offset: number,
  signal: AbortSignal,
  fileRoots: readonly string[],
): Promise<OpenSource> {
  if (!URL.canParse(url)) throw hostErrors.sourceUnsupported(url);
  if (url.startsWith('file:')) return openFile(url, fileRoots);
  if (hasUserinfo(url)) throw hostErrors.sourceUserinfo(url);
  if (/^https?:/.test(url)) return openHttp(url, offset, signal);
  throw hostErrors.sourceUnsupported(url);
}

async function openFile(url: string, fileRoots: readonly string[]): Promise<OpenSource> {
  try {
    const { body, size } = await readAllowed(fileURLToPath(url), fileRoots);
    return { offset: 0, totalBytes: size, body };
  } catch (error) {
    throw error instanceof OutsideRoots
      ? hostErrors.fileNotAllowed(url, fileRoots)
      : hostErrors.unreachable(url, error);
  }
}

class OutsideRoots extends Error {}

/**
 * Opens a file below one of the folders. Without this check, the author of a manifest could have any file of the host put into a
 * guest. Symbolic links are resolved before the check, and the error does not reveal whether a file outside exists.
 * https://cwe.mitre.org/data/definitions/59.html
 */
async function readAllowed(path: string, fileRoots: readonly string[]) {
  const real = await realpathIfKnown(path);
  const roots = real === undefined ? fileRoots : await Promise.all(fileRoots.map(realpathIfKnown));
  const target = real ?? path;
  if (!roots.some((root) => root !== undefined && target.startsWith(join(root, sep))))
    throw new OutsideRoots();
  // Does not wait for the writer of a pipe, and does not follow a link that was created since the check.
  const file = await open(target, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error('it is not a regular file');
    return { size: found.size, body: bodyOf(file) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** As the file's own stream, which takes new memory for each part: that costs as much as the digest. */
function bodyOf(file: FileHandle): Readable {
  const buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(READ_BYTES));
  let parts = 0;
  return new Readable({
    objectMode: true,
    highWaterMark: 1,
    read() {
      const buffer = buffers[parts++ % BUFFERS] as Buffer;
      file.read(buffer, 0, buffer.length).then(
        ({ bytesRead }) => this.push(bytesRead === 0 ? null : buffer.subarray(0, bytesRead)),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      file.close().then(
        () => done(error),
        (problem: Error) => done(error ?? problem),
      );
    },
  });
}

/** Undefined when the path cannot be resolved, for whatever reason: opening it then gives the error. */
async function realpathIfKnown(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Headers for a request to this address. Those that let somebody in are not for the addresses that a server redirects to. */
export type HeadersFor = (address: string) => Readonly<Record<string, string>>;

/** Opens an `http:` or `https:` address at `offset`, or at the beginning if the server has no ranges. */
export async function openHttp(
  url: string,
  offset: number,
  signal: AbortSignal,
  headersFor: HeadersFor = () => ({}),
): Promise<OpenSource> {
  const range: Readonly<Record<string, string>> = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const { response, address } = await followRedirects(url, signal, (to) => ({ ...headersFor(to), ...range }));
  const { statusCode, headers, body } = response;
  if (statusCode === 206) {
    const given = /^bytes ([0-9]+)-[0-9]+\/([0-9]+|\*)$/.exec(String(headers['content-range'] ?? ''));
    if (given !== null && Number(given[1]) === offset) {
      return { offset, totalBytes: given[2] === '*' ? undefined : Number(given[2]), body };
    }
  }
  if (statusCode === 200) {
    const length = headers['content-length'];
    return { offset: 0, totalBytes: length === undefined ? undefined : Number(length), body };
  }
  await body.dump();
  if (offset > 0 && REFUSES_RANGE.has(statusCode)) return openHttp(address, 0, signal, headersFor);
  throw hostErrors.sourceStatus(address, statusCode);
}

type Arrived = { readonly response: Dispatcher.ResponseData; readonly address: string };

/** Follows redirects to http(s) only: a server must not make the host read the host's own files. */
export async function followRedirects(
  url: string,
  signal: AbortSignal,
  headersFor: HeadersFor,
): Promise<Arrived> {
  const chain: string[] = [];
  let address = url;
  for (;;) {
    if (chain.includes(address)) throw hostErrors.redirectCircle(url, [...chain, address]);
    if (chain.length > MAX_REDIRECTS) throw hostErrors.tooManyRedirects(url, MAX_REDIRECTS);
    chain.push(address);
    const response = await get(address, signal, headersFor(address));
    const location = response.headers.location;
    if (!REDIRECTS.has(response.statusCode) || typeof location !== 'string') return { response, address };
    await response.body.dump();
    const next = URL.parse(location, address);
    if (next === null || !/^https?:$/.test(next.protocol))
      throw hostErrors.sourceUnsupported(next?.href ?? location);
    if (hasUserinfo(next.href)) throw hostErrors.sourceUserinfo(next.href);
    address = next.href;
  }
}

async function get(
  address: string,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>>,
): Promise<Dispatcher.ResponseData> {
  try {
    return await sendAlone(address, {
      signal,
      headersTimeout: SILENCE_LIMIT_MS,
      bodyTimeout: SILENCE_LIMIT_MS,
      headers: { 'accept-encoding': 'identity', ...headers },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw hostErrors.unreachable(address, error);
  }
}

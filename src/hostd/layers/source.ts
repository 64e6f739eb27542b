import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Dispatcher, request } from 'undici';
import { codeOf, hostErrors } from '../errors/index.ts';

/** An opened source: its bytes from `offset` on, which is not always the one asked for. */
export type OpenSource = {
  readonly offset: number;
  /** Size of the whole, as far as the source tells. */
  readonly totalBytes: number | undefined;
  readonly body: Readable;
};

const MAX_REDIRECTS = 5;
const SILENCE_LIMIT_MS = 30_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Opens an `http:` or `https:` address at `offset` where the source can, else at its beginning, or a `file:` address
 * below one of `fileRoots`.
 */
export async function openSource(
  url: string,
  offset: number,
  signal: AbortSignal,
  fileRoots: readonly string[],
): Promise<OpenSource> {
  if (url.startsWith('file:')) return openFile(url, fileRoots);
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
 * Whoever may write a manifest could otherwise have any file of the host put into a guest. All links are followed before
 * it is judged, and what is outside is not even said to be there or not. https://cwe.mitre.org/data/definitions/59.html
 */
async function readAllowed(path: string, fileRoots: readonly string[]) {
  const real = await realpathIfKnown(path);
  const roots = real === undefined ? fileRoots : await Promise.all(fileRoots.map(realpathIfKnown));
  const meant = real ?? path;
  if (!roots.some((root) => root !== undefined && meant.startsWith(join(root, sep))))
    throw new OutsideRoots();
  // Without waiting for the writer of a pipe, and without following a link that was put there since.
  const file = await open(meant, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error('it is not a regular file');
    return { size: found.size, body: file.createReadStream() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Undefined when the system does not tell, whatever the reason: opening it tells. */
async function realpathIfKnown(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

async function openHttp(url: string, offset: number, signal: AbortSignal): Promise<OpenSource> {
  const { response, address } = await followRedirects(url, offset, signal);
  const { statusCode, headers, body } = response;
  if (statusCode === 206) {
    const range = /^bytes ([0-9]+)-[0-9]+\/([0-9]+|\*)$/.exec(String(headers['content-range'] ?? ''));
    if (range !== null && Number(range[1]) === offset) {
      return { offset, totalBytes: range[2] === '*' ? undefined : Number(range[2]), body };
    }
  }
  if (statusCode === 200) {
    const length = headers['content-length'];
    return { offset: 0, totalBytes: length === undefined ? undefined : Number(length), body };
  }
  await body.dump();
  // The server holds less than we have of it (416), or misunderstood the range: ask for the whole.
  if (offset > 0 && (statusCode === 416 || statusCode === 206)) return openHttp(address, 0, signal);
  throw hostErrors.sourceStatus(address, statusCode);
}

type Arrived = { readonly response: Dispatcher.ResponseData; readonly address: string };

/** Only to http(s): a server must not make the host read its own files. */
async function followRedirects(url: string, offset: number, signal: AbortSignal): Promise<Arrived> {
  const chain: string[] = [];
  let address = url;
  for (;;) {
    if (chain.includes(address)) throw hostErrors.redirectCircle(url, [...chain, address]);
    if (chain.length > MAX_REDIRECTS) throw hostErrors.tooManyRedirects(url, MAX_REDIRECTS);
    chain.push(address);
    const response = await get(address, offset, signal);
    const location = response.headers.location;
    if (!REDIRECTS.has(response.statusCode) || typeof location !== 'string') return { response, address };
    await response.body.dump();
    const next = URL.parse(location, address);
    if (next === null || !/^https?:$/.test(next.protocol)) throw hostErrors.sourceUnsupported(location);
    address = next.href;
  }
}

async function get(address: string, offset: number, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  try {
    return await request(address, {
      signal,
      headersTimeout: SILENCE_LIMIT_MS,
      bodyTimeout: SILENCE_LIMIT_MS,
      headers: { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw hostErrors.unreachable(address, error);
  }
}

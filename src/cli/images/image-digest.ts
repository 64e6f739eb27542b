import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { readPage } from '../../base/http.ts';
import { shownUrl } from '../../base/shown-url.ts';
import { isContainerImage } from '../../hostd/layers/registry/reference.ts';
import { Repository } from '../../hostd/layers/registry/registry.ts';
import { openHttp } from '../../hostd/layers/source.ts';
import { Progress } from '../progress.ts';
import { type Checksum, checksumOf, readChecksums } from './checksums.ts';

/** An image's digest, and where it is from, in words. */
export type ImageDigest = { readonly sha256: string; readonly found: string };

/**
 * Finds the digest with which a Template names an image: that of a container image's manifest; of a local file, computed; of one on a
 * server, what a file of checksums says of it, `sums` (an address or a local file) or one of the usual names beside the image. Where
 * that is a SHA-512, the image is read once, for its SHA-256, and both are compared. Rejects with a sentence that says what to do.
 */
export async function findDigest(
  url: string,
  sums: string | undefined,
  signal: AbortSignal,
): Promise<ImageDigest> {
  if (isContainerImage(url)) {
    const sha256 = await new Repository(url, signal).currentDigest();
    return { sha256, found: `${url} is the manifest sha256:${sha256} now` };
  }
  const given = sums === undefined ? undefined : await givenChecksum(url, sums, signal);
  if (url.startsWith('file:')) {
    const path = fileURLToPath(url);
    return await compared(createReadStream(path, { signal }), path, given);
  }
  const known = given ?? (await checksumBeside(url, signal));
  if (known.checksum.algorithm === 'sha256') {
    return { sha256: known.checksum.hex, found: sentence(known, fileNameOf(url)) };
  }
  console.error(`${sentence(known, fileNameOf(url))}: it is read once, for its sha256`);
  const { body } = await openHttp(url, 0, signal);
  return await compared(body, shownUrl(url), known);
}

type Known = { readonly checksum: Checksum; readonly where: string };

function sentence({ checksum: { algorithm, hex }, where }: Known, fileName: string): string {
  return `${where} gives ${fileName} the ${algorithm} ${hex}`;
}

/** The name of the file that an address serves. */
function fileNameOf(url: string): string {
  const [last = ''] = new URL(url).pathname.split('/').slice(-1);
  return decodeURIComponent(last);
}

async function givenChecksum(url: string, sums: string, signal: AbortSignal): Promise<Known> {
  const isRemote = /^https?:/.test(sums);
  const where = isRemote ? shownUrl(sums) : sums;
  const checksum = fitting(
    isRemote ? await pageAt(sums, signal) : await readFile(sums, 'utf8'),
    where,
    fileNameOf(url),
  );
  if (checksum === undefined) throw new Error(`${where} gives no sha256 or sha512 of ${fileNameOf(url)}`);
  return { checksum, where };
}

async function pageAt(url: string, signal: AbortSignal): Promise<string> {
  const { isGood, status, text } = await readPage(url, signal);
  if (!isGood) throw new Error(`${shownUrl(url)} answered with HTTP status ${status}`);
  return text;
}

function fitting(text: string, where: string, fileName: string): Checksum | undefined {
  try {
    return checksumOf(readChecksums(text), fileName);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${where} cannot be used: ${why}: give the right one with --sha256`);
  }
}

/** As Debian, Ubuntu, Alpine, CentOS and others call them. */
const namesBeside = (fileName: string) => [
  'SHA256SUMS',
  'SHA256SUMS.txt',
  'sha256sum.txt',
  'CHECKSUM',
  `${fileName}.sha256`,
  `${fileName}.sha256sum`,
  `${fileName}.CHECKSUM`,
  'SHA512SUMS',
  `${fileName}.sha512`,
];

async function checksumBeside(url: string, signal: AbortSignal): Promise<Known> {
  const fileName = fileNameOf(url);
  const names = namesBeside(fileName);
  for (const name of names) {
    const at = new URL(encodeURIComponent(name), url).href;
    const { isGood, text } = await readPage(at, signal);
    // Some servers answer everything with a page.
    const checksum = isGood ? fitting(text, shownUrl(at), fileName) : undefined;
    if (checksum !== undefined) return { checksum, where: shownUrl(at) };
  }
  throw new Error(
    `no digest of ${fileName} was found beside it (${names.join(', ')}): name a file of checksums with --sums, or give the ` +
      'digest with --sha256',
  );
}

/** The sha256 of a file of so many bytes. */
export async function digestOfFile(body: Readable, bytes: number): Promise<string> {
  const progress = new Progress(bytes);
  const hash = createHash('sha256');
  await pipeline(body, progress.counter(), hash);
  progress.finish('read');
  return hash.digest('hex');
}

/** The digest of what is read; it must be the known one, if there is one. */
async function compared(body: Readable, what: string, known: Known | undefined): Promise<ImageDigest> {
  const progress = new Progress();
  const sha256 = createHash('sha256');
  const other = createHash(known?.checksum.algorithm ?? 'sha256');
  await pipeline(body, progress.counter(), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      sha256.update(chunk);
      if (known !== undefined) other.update(chunk);
    }
  });
  progress.finish('read');
  const hex = sha256.digest('hex');
  if (known === undefined) return { sha256: hex, found: `${what} has the sha256 ${hex}` };
  const actual = other.digest('hex');
  if (actual !== known.checksum.hex) {
    throw new Error(
      `${what} has the ${known.checksum.algorithm} ${actual}, and ${known.where} gives it ${known.checksum.hex}: fetch it again, or ask ` +
        'who publishes it',
    );
  }
  return { sha256: hex, found: `${what} is what ${known.where} says, with the sha256 ${hex}` };
}

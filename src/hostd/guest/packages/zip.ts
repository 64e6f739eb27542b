import type { FileHandle } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import { Contents } from './contents.ts';
import type { Survey } from './tar.ts';

/** Signatures and fixed lengths: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
const endSignature = Buffer.from('PK\x05\x06');
const entrySignature = 0x02014b50;
const localSignature = Buffer.from('PK\x03\x04');
const endBytes = 22;
const longestComment = 0xffff;
const entryBytes = 46;
const localBytes = 30;
/** Stands where a number has more than 32 bits. */
const no32Bits = 0xffffffff;
const wide = 'its directory is damaged, or of the 64-bit kind, which is not known';
const longestDirectory = 64 * 1024 * 1024;

/** One entry of the directory. */
type Listed = {
  readonly name: string;
  readonly method: number;
  readonly encrypted: boolean;
  readonly packed: number;
  readonly unpacked: number;
  readonly offset: number;
};

/** Whether a file with these first bytes is a zip, an empty one included. */
export function looksLikeZip(head: Buffer): boolean {
  return [localSignature, endSignature].some((signature) => head.subarray(0, 4).equals(signature));
}

/**
 * Reads a zip's directory; `found` is the content of the file `name` at its top, unless it has more than `limit` bytes. Throws, with
 * what is wrong, when the zip is damaged, cut off, empty, or cannot be installed.
 */
export async function surveyZip(
  file: FileHandle,
  size: number,
  name: string,
  limit: number,
): Promise<Survey> {
  const contents = new Contents();
  let wanted: Listed | undefined;
  for (const entry of entriesOf(await readDirectory(file, size))) {
    const shown = Buffer.from(entry.name, 'latin1').toString();
    if (entry.encrypted) throw new Error(`its ${JSON.stringify(shown)} is encrypted`);
    if (entry.packed === no32Bits || entry.unpacked === no32Bits) throw new Error(wide);
    if (entry.offset + localBytes + entry.packed > size) throw new Error('it was cut off, or is damaged');
    contents.add({
      name: entry.name,
      kind: entry.name.endsWith('/') ? 'directory' : 'file',
      bytes: entry.unpacked,
    });
    if (entry.name === name && Math.max(entry.packed, entry.unpacked) <= limit) wanted = entry;
  }
  const unpackedBytes = contents.whole();
  return wanted === undefined
    ? { unpackedBytes }
    : { unpackedBytes, found: await contentOf(file, wanted, limit) };
}

async function contentOf(file: FileHandle, entry: Listed, limit: number): Promise<Buffer> {
  const local = await readExactly(file, entry.offset, localBytes);
  const start = entry.offset + localBytes + local.readUInt16LE(26) + local.readUInt16LE(28);
  const packed = await readExactly(file, start, entry.packed);
  if (entry.method === 0) return packed;
  if (entry.method === 8) return inflateRawSync(packed, { maxOutputLength: limit });
  throw new Error(`it packs ${entry.name} by method ${entry.method}, which is not known`);
}

async function readDirectory(file: FileHandle, size: number): Promise<Buffer> {
  const tailBytes = Math.min(size, endBytes + longestComment);
  const tail = await readExactly(file, size - tailBytes, tailBytes);
  const end = tail.lastIndexOf(endSignature);
  if (end === -1 || end + endBytes > tail.length) throw new Error('its directory is missing: it was cut off');
  const length = tail.readUInt32LE(end + 12);
  const offset = tail.readUInt32LE(end + 16);
  if (offset + length > size || length > longestDirectory) throw new Error(wide);
  return readExactly(file, offset, length);
}

function* entriesOf(directory: Buffer): Generator<Listed, void, undefined> {
  for (let at = 0; at + entryBytes <= directory.length; ) {
    if (directory.readUInt32LE(at) !== entrySignature) throw new Error('its directory is damaged');
    const nameBytes = directory.readUInt16LE(at + 28);
    yield {
      name: directory.toString('latin1', at + entryBytes, at + entryBytes + nameBytes),
      method: directory.readUInt16LE(at + 10),
      encrypted: (directory.readUInt16LE(at + 8) & 1) !== 0,
      packed: directory.readUInt32LE(at + 20),
      unpacked: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    };
    at += entryBytes + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
}

async function readExactly(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, position);
  if (bytesRead < bytes) throw new Error('it ends early');
  return buffer;
}

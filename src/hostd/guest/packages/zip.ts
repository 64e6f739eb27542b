import type { FileHandle } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';

/** Signatures and fixed lengths: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
const endSignature = Buffer.from('PK\x05\x06');
const entrySignature = 0x02014b50;
const localSignature = Buffer.from('PK\x03\x04');
const endBytes = 22;
const longestComment = 0xffff;
const entryBytes = 46;
const localBytes = 30;
const longestDirectory = 64 * 1024 * 1024;

type Entry = { readonly method: number; readonly packed: number; readonly offset: number };

/** Whether a file with these first bytes is a zip, an empty one included. */
export function looksLikeZip(head: Buffer): boolean {
  return [localSignature, endSignature].some((signature) => head.subarray(0, 4).equals(signature));
}

/**
 * The content of the file `name` at the top of a zip; undefined when it has none, or one of more than `limit` bytes.
 * Throws when the zip is damaged.
 */
export async function findInZip(
  file: FileHandle,
  size: number,
  name: string,
  limit: number,
): Promise<Buffer | undefined> {
  const directory = await readDirectory(file, size);
  const entry = findEntry(directory, name, limit);
  if (entry === undefined) return undefined;
  const local = await readExactly(file, entry.offset, localBytes);
  const start = entry.offset + localBytes + local.readUInt16LE(26) + local.readUInt16LE(28);
  const packed = await readExactly(file, start, entry.packed);
  if (entry.method === 0) return packed;
  if (entry.method === 8) return inflateRawSync(packed, { maxOutputLength: limit });
  throw new Error(`it packs ${name} by method ${entry.method}, which is not known`);
}

async function readDirectory(file: FileHandle, size: number): Promise<Buffer> {
  const tailBytes = Math.min(size, endBytes + longestComment);
  const tail = await readExactly(file, size - tailBytes, tailBytes);
  const end = tail.lastIndexOf(endSignature);
  if (end === -1 || end + endBytes > tail.length) throw new Error('its directory is missing: it was cut off');
  const length = tail.readUInt32LE(end + 12);
  const offset = tail.readUInt32LE(end + 16);
  if (offset + length > size || length > longestDirectory) {
    throw new Error('its directory is damaged, or of the 64-bit kind, which is not known');
  }
  return readExactly(file, offset, length);
}

function findEntry(directory: Buffer, name: string, limit: number): Entry | undefined {
  for (let at = 0; at + entryBytes <= directory.length; ) {
    if (directory.readUInt32LE(at) !== entrySignature) throw new Error('its directory is damaged');
    const [packed, unpacked] = [directory.readUInt32LE(at + 20), directory.readUInt32LE(at + 24)];
    const nameBytes = directory.readUInt16LE(at + 28);
    const found = directory.toString('utf8', at + entryBytes, at + entryBytes + nameBytes);
    if (found === name && unpacked <= limit && packed <= limit) {
      return { method: directory.readUInt16LE(at + 10), packed, offset: directory.readUInt32LE(at + 42) };
    }
    at += entryBytes + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return undefined;
}

async function readExactly(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, position);
  if (bytesRead < bytes) throw new Error('it ends early');
  return buffer;
}

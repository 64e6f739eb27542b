import { setOwn } from '../../../base/own.ts';
import { BlockReader } from './block-reader.ts';
import { Contents, type Entry } from './contents.ts';

const blockBytes = 512;
/** Of a header that holds a name, or several fields. */
const longestExtensionBytes = 1024 * 1024;

/** What an archive has, and the content of one of its files. */
export type Survey = { readonly unpackedBytes: number; readonly found?: Buffer };

/** Whether these first bytes of a file are a tar's first header. */
export function looksLikeTar(head: Buffer): boolean {
  return head.length >= blockBytes && checksumIsRight(head.subarray(0, blockBytes));
}

/**
 * Reads a tar to its end; `found` is the content of the ordinary file `name` at its top, unless it has more than `limit` bytes. Throws,
 * with what is wrong, when the tar is damaged, cut off, empty, or cannot be installed.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
export async function surveyTar(
  tar: AsyncIterable<Uint8Array>,
  name: string,
  limit: number,
): Promise<Survey> {
  const reader = new BlockReader(tar);
  try {
    const contents = new Contents();
    const found = await readEntries(reader, contents, name, limit);
    // The end of a gzip says whether all of it was right.
    await reader.drain();
    return { unpackedBytes: contents.whole(), ...(found === undefined ? {} : { found }) };
  } finally {
    await reader.close();
  }
}

async function readEntries(
  reader: BlockReader,
  contents: Contents,
  name: string,
  limit: number,
): Promise<Buffer | undefined> {
  let found: Buffer | undefined;
  for (;;) {
    const header = await nextHeader(reader);
    if (header === undefined) return found;
    const { entry } = header;
    contents.add(entry);
    const isWanted = entry.kind === 'file' && entry.name.replace(/^\.\//, '') === name;
    const padded = Math.ceil(header.storedBytes / blockBytes) * blockBytes;
    if (isWanted && entry.bytes <= limit) {
      found = await reader.take(entry.bytes);
      await reader.skip(padded - entry.bytes);
    } else await reader.skip(padded);
  }
}

/** `storedBytes` of content follow, and zeroes up to a multiple of 512. */
export type Header = { readonly entry: Entry; readonly storedBytes: number };
/** What headers before an entry's own say about it. */
type Extension = { path?: string; linkpath?: string; size?: string };

/** The next entry's header; undefined at the archive's end: a block of zeroes, or nothing. */
export async function nextHeader(reader: BlockReader): Promise<Header | undefined> {
  const extension: Extension = {};
  for (;;) {
    const block = await reader.blockOrEnd(blockBytes);
    if (block === undefined || block.every((byte) => byte === 0)) return undefined;
    if (!checksumIsRight(block)) throw new Error(`it is damaged at byte ${reader.position - blockBytes}`);
    const type = String.fromCharCode(block[156] ?? 0);
    const size = sizeIn(block);
    if (!'xgLK'.includes(type)) return headerOf(reader, block, type, extension);
    if (!(size <= longestExtensionBytes)) throw new Error('one of its names is too long');
    const value = await reader.take(size);
    await reader.skip(Math.ceil(size / blockBytes) * blockBytes - size);
    if (type === 'x') Object.assign(extension, recordsIn(value));
    if (type === 'L') extension.path = text(value);
    if (type === 'K') extension.linkpath = text(value);
  }
}

async function headerOf(
  reader: BlockReader,
  block: Buffer,
  type: string,
  { path, linkpath, size }: Extension,
): Promise<Header> {
  const name = path ?? nameIn(block);
  const kind = kindOf(type, name);
  const linked = kind === 'symlink' || kind === 'hardlink';
  const bytes = size === undefined ? sizeIn(block) : Number(size);
  // Links have no content, whatever their size says.
  const storedBytes = linked || kind === 'directory' ? 0 : bytes;
  const entry = { name, kind, bytes: storedBytes, target: linkpath ?? text(block.subarray(157, 257)) };
  if (type === 'S') await skipSparseMap(reader, block);
  return { entry, storedBytes };
}

function kindOf(type: string, name: string): Entry['kind'] {
  if (type === '1') return 'hardlink';
  if (type === '2') return 'symlink';
  if (type === '5') return 'directory';
  // An old tar's directory is a file whose name says that it is none; a label is no file either.
  if ('0\0'.includes(type)) return name.endsWith('/') ? 'directory' : 'file';
  return type === 'V' ? 'directory' : 'other';
}

/** GNU tar's older sparse files have the rest of their map between header and content. */
async function skipSparseMap(reader: BlockReader, header: Buffer): Promise<void> {
  for (let more = header[482] !== 0; more; ) more = (await reader.take(blockBytes))[504] !== 0;
}

/** The records of an extended header: `LENGTH KEY=VALUE` and a line feed, where LENGTH counts all of it. */
function recordsIn(value: Buffer): Extension {
  const found: Record<string, string> = {};
  for (let at = 0; at < value.length; ) {
    const blank = value.indexOf(' ', at);
    const length = Number.parseInt(value.toString('latin1', at, blank), 10);
    if (!(length > 0)) break;
    const record = value.toString('latin1', blank + 1, at + length - 1);
    const equals = record.indexOf('=');
    setOwn(found, record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  const { path, linkpath, size } = found;
  return {
    ...(path === undefined ? {} : { path }),
    ...(linkpath === undefined ? {} : { linkpath }),
    ...(size === undefined ? {} : { size }),
  };
}

/** The sum of all bytes, the field of the sum itself taken as blanks. */
function checksumIsRight(header: Buffer): boolean {
  const recorded = octal(header.subarray(148, 156));
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return recorded === sum;
}

/** In two parts where it is long; GNU tar, with another mark, has other things there. */
function nameIn(header: Buffer): string {
  const name = text(header.subarray(0, 100));
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? text(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** In octal digits, or, for large files of GNU tar, in binary with the highest bit set. */
function sizeIn(header: Buffer): number {
  const field = header.subarray(124, 136);
  const binary = ((field[0] ?? 0) & 0x80) !== 0;
  return binary ? Number(field.readBigUInt64BE(4)) : octal(field);
}

function octal(field: Buffer): number {
  return Number.parseInt(text(field).trim() || '0', 8);
}

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end === -1 ? field.length : end);
}

import { type FileHandle, open } from 'node:fs/promises';
import { hostErrors } from '../../errors/index.ts';
import { type FileKind, KIND_BYTES, kindOf } from './formats.ts';

/** A CD's sectors, which its file systems are counted in. */
const SECTOR = 2048;
/** Where both file systems describe themselves; what is before is anybody's, boot code for instance. */
const FIRST = 16;
/** How many sectors are looked at for descriptions. */
const DESCRIPTIONS = 32;
/** Where UDF tells the rest of itself. */
const ANCHOR = 256;
/** ECMA-167, 3/7.2.1 */
const TAG = { anchor: 2, partition: 5, terminator: 8 } as const;

/** A file system of a CD. */
type CdFileSystem = {
  readonly name: 'ISO 9660' | 'UDF';
  /** How long the file must be for it, in bytes. */
  readonly neededBytes: number;
};

/**
 * Judges a file that guests get as a CD: it has a file system that CDs have, and is as long as that says. Resolves with what is on it, for
 * people: `ISO 9660 and UDF`. Rejects with `CdInvalid`.
 * @param what names the file for people
 */
export async function judgeCd(path: string, what: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const systems = await fileSystemsOf(file, what);
    if (systems.length === 0) throw notACd(kindOf(await readAt(file, 0, KIND_BYTES)), what);
    for (const { name, neededBytes } of systems) {
      if (neededBytes > size) throw hostErrors.cdCutOff(what, name, neededBytes, size);
    }
    return systems.map(({ name }) => name).join(' and ');
  } finally {
    await file.close();
  }
}

/** Whether a file that nobody has said to be a CD looks like one, whole or not. */
export async function looksLikeCd(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const kind = kindOf(await readAt(file, 0, KIND_BYTES));
    const isDisk = kind.kind === 'image' && kind.format !== 'raw';
    return !isDisk && sectorsOf(await descriptionsOf(file)).some(isDescription);
  } finally {
    await file.close();
  }
}

async function fileSystemsOf(file: FileHandle, what: string): Promise<readonly CdFileSystem[]> {
  const sectors = sectorsOf(await descriptionsOf(file));
  const iso = isoBytes(sectors, what);
  const hasUdf = sectors.some((sector) => UDF_MARK.test(markOf(sector)));
  return [
    ...(iso === undefined ? [] : [{ name: 'ISO 9660', neededBytes: iso } as const]),
    ...(hasUdf ? [{ name: 'UDF', neededBytes: await udfBytes(file) } as const] : []),
  ];
}

const ISO_MARK = 'CD001';
const UDF_MARK = /^NSR0[23]$/;

function descriptionsOf(file: FileHandle): Promise<Buffer> {
  return readAt(file, FIRST * SECTOR, DESCRIPTIONS * SECTOR);
}

function markOf(sector: Buffer): string {
  return sector.toString('latin1', 1, 6);
}

function isDescription(sector: Buffer): boolean {
  const mark = markOf(sector);
  return mark === ISO_MARK || UDF_MARK.test(mark);
}

/** ECMA-119, 8.4: the primary volume descriptor. Its numbers are there in both byte orders. */
function isoBytes(sectors: readonly Buffer[], what: string): number | undefined {
  const ours = sectors.filter((sector) => markOf(sector) === ISO_MARK);
  if (ours.length === 0) return undefined;
  const primary = ours.find((sector) => sector.readUInt8(0) === 1);
  if (primary === undefined) throw hostErrors.cdWithoutDescription(what);
  return primary.readUInt32LE(80) * primary.readUInt16LE(128);
}

/** Where the partitions of UDF end. ECMA-167, 3/10.2 and 3/10.5 */
async function udfBytes(file: FileHandle): Promise<number> {
  const anchor = await readAt(file, ANCHOR * SECTOR, SECTOR);
  if (anchor.length < SECTOR) return (ANCHOR + 1) * SECTOR;
  if (anchor.readUInt16LE(0) !== TAG.anchor) return 0;
  const bytes = Math.min(anchor.readUInt32LE(16), DESCRIPTIONS * SECTOR);
  const start = anchor.readUInt32LE(20) * SECTOR;
  const sequence = await readAt(file, start, bytes);
  let end = start + bytes;
  for (const sector of sectorsOf(sequence)) {
    const tag = sector.readUInt16LE(0);
    if (tag === TAG.terminator) break;
    if (tag !== TAG.partition) continue;
    end = Math.max(end, (sector.readUInt32LE(188) + sector.readUInt32LE(192)) * SECTOR);
  }
  return end;
}

function sectorsOf(buffer: Buffer): readonly Buffer[] {
  const count = Math.floor(buffer.length / SECTOR);
  return Array.from({ length: count }, (_, index) => buffer.subarray(index * SECTOR, (index + 1) * SECTOR));
}

/** As much of it as the file has. */
async function readAt(file: FileHandle, start: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, start);
  return buffer.subarray(0, bytesRead);
}

function notACd(kind: FileKind, what: string) {
  switch (kind.kind) {
    case 'packed':
      return hostErrors.cdPacked(what, kind.name, kind.unpack);
    case 'image':
      return kind.format === 'raw'
        ? hostErrors.cdInvalid(what, 'a file without the file system of a CD')
        : hostErrors.cdIsDisk(what, `a disk image (${kind.format})`);
    case 'encrypted':
      return hostErrors.cdIsDisk(what, 'an encrypted disk image');
    case 'convertible':
      return hostErrors.cdIsDisk(what, kind.name);
    case 'other':
      return hostErrors.cdInvalid(what, kind.name);
  }
}

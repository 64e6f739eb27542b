/** A file system, or what is in place of one, on a whole disk. */
export type FileSystem = {
  /** For people: `an ext4 file system`. */
  readonly description: string;
  /** How large the disk must be, in bytes, as far as the file system says it. */
  readonly bytes: number;
  /** Whether the first sector describes it, where other disks have a partition table. */
  readonly hasFirstSector: boolean;
};

type Signature = {
  readonly is: string | ((head: Buffer) => string);
  readonly at: number;
  /** As Latin-1. */
  readonly magic: string;
  readonly bytes?: (head: Buffer) => number;
  readonly hasFirstSector?: true;
  /** For a magic of few bytes: whether the rest looks like it, too. */
  readonly isLikely?: (head: Buffer) => boolean;
};

const KIBI = 1024;
const EXT = { at: 1024, compatible: 0x5c, incompatible: 0x60, journal: 0x4, extents: 0x40, wide: 0x80 };
const BTRFS = 64 * KIBI;
const ISO = 32 * KIBI;

const big = (head: Buffer, at: number) => Number(head.readBigUInt64BE(at));
const little = (head: Buffer, at: number) => Number(head.readBigUInt64LE(at));

const SIGNATURES: readonly Signature[] = [
  { is: extName, at: EXT.at + 0x38, magic: '\x53\xef', bytes: extBytes, isLikely: isExt },
  { is: 'an xfs file system', at: 0, magic: 'XFSB', bytes: (head) => big(head, 8) * head.readUInt32BE(4) },
  // The size is that of all its devices.
  {
    is: 'a btrfs file system',
    at: BTRFS + 0x40,
    magic: '_BHRfS_M',
    bytes: (head) => (little(head, BTRFS + 0x88) === 1 ? little(head, BTRFS + 0x70) : 0),
  },
  { is: 'a squashfs file system', at: 0, magic: 'hsqs', bytes: (head) => little(head, 40) },
  { is: 'an erofs file system', at: 1024, magic: '\xe2\xe1\xf5\xe0' },
  { is: 'an f2fs file system', at: 1024, magic: '\x10\x20\xf5\xf2' },
  {
    is: 'an ISO 9660 file system',
    at: ISO + 1,
    magic: 'CD001',
    bytes: (head) => head.readUInt32LE(ISO + 0x50) * head.readUInt16LE(ISO + 0x80),
  },
  { is: 'a FAT file system', at: 54, magic: 'FAT1', hasFirstSector: true },
  { is: 'a FAT file system', at: 82, magic: 'FAT32', hasFirstSector: true },
  { is: 'an exFAT file system', at: 3, magic: 'EXFAT   ', hasFirstSector: true },
  { is: 'an NTFS file system', at: 3, magic: 'NTFS    ', hasFirstSector: true },
  { is: 'a jfs file system', at: ISO, magic: 'JFS1' },
  { is: 'a ReiserFS file system', at: BTRFS + 0x34, magic: 'ReIsEr' },
  { is: 'an LVM volume', at: 512 + 24, magic: 'LVM2 001' },
  { is: 'a member of a Linux RAID', at: 4096, magic: '\xfc\x4e\x2b\xa9' },
];

/** @param head the first mebibyte of the disk */
export function fileSystemOf(head: Buffer): FileSystem | undefined {
  const text = head.toString('latin1');
  const found = SIGNATURES.find(
    ({ at, magic, isLikely }) => text.startsWith(magic, at) && (isLikely?.(head) ?? true),
  );
  if (found === undefined) return undefined;
  const { is, bytes, hasFirstSector = false } = found;
  return { description: typeof is === 'string' ? is : is(head), bytes: sizeBy(bytes, head), hasFirstSector };
}

/** A disk may be shorter than what says its size. */
function sizeBy(bytes: Signature['bytes'], head: Buffer): number {
  try {
    return bytes?.(head) ?? 0;
  } catch (error) {
    if (error instanceof RangeError) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/** Blocks of 1 KiB to 64 KiB, and a known revision. A superblock that is not there as a whole counts: it was cut off. */
function isExt(head: Buffer): boolean {
  if (head.length < EXT.at + 0x400) return true;
  const field = (at: number) => head.readUInt32LE(EXT.at + at);
  return field(0x4) > 0 && field(0x18) <= 6 && field(0x4c) <= 1;
}

function extName(head: Buffer): string {
  const has = (field: number, flag: number) =>
    head.length >= EXT.at + field + 4 && (head.readUInt32LE(EXT.at + field) & flag) !== 0;
  if (has(EXT.incompatible, EXT.extents)) return 'an ext4 file system';
  return has(EXT.compatible, EXT.journal) ? 'an ext3 file system' : 'an ext2 file system';
}

function extBytes(head: Buffer): number {
  const isWide = (head.readUInt32LE(EXT.at + EXT.incompatible) & EXT.wide) !== 0;
  const high = isWide ? head.readUInt32LE(EXT.at + 0x150) : 0;
  const blocks = head.readUInt32LE(EXT.at + 4) + high * 2 ** 32;
  return blocks * 1024 * 2 ** head.readUInt32LE(EXT.at + 0x18);
}

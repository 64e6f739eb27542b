/** One partition, as its table describes it. */
export type Partition = {
  /** The partition's number, as in the Linux kernel: its place in the partition table, from 1 on. */
  readonly number: number;
  /** For people: `Linux`, `EFI system`; the type as the table has it where it is none of the known ones. */
  readonly type: string;
  readonly startBytes: number;
  readonly endBytes: number;
};

/** What the partition table of a disk says. */
export type Partitions = {
  readonly table: 'GPT' | 'MBR';
  readonly partitions: readonly Partition[];
  readonly hasEfiSystem: boolean;
  /** Where the last partition ends, in bytes. */
  readonly endBytes: number;
};

const SECTOR = 512;
const MBR = { table: 446, entry: 16, entries: 4, signature: 510 } as const;
const TYPE_PROTECTIVE = 0xee;

const EFI_SYSTEM = 'EFI system';

const MBR_TYPES: ReadonlyMap<number, string> = new Map([
  [0x05, 'extended'],
  [0x07, 'NTFS or exFAT'],
  [0x0b, 'FAT32'],
  [0x0c, 'FAT32'],
  [0x0e, 'FAT16'],
  [0x0f, 'extended'],
  [0x82, 'Linux swap'],
  [0x83, 'Linux'],
  [0x8e, 'Linux LVM'],
  [0xef, EFI_SYSTEM],
  [0xfd, 'Linux RAID'],
]);

/** https://uapi-group.org/specifications/specs/discoverable_partitions_specification */
const GPT_TYPES: ReadonlyMap<string, string> = new Map([
  ['c12a7328-f81f-11d2-ba4b-00a0c93ec93b', EFI_SYSTEM],
  ['21686148-6449-6e6f-744e-656564454649', 'BIOS boot'],
  ['0fc63daf-8483-4772-8e79-3d69d8477de4', 'Linux'],
  ['4f68bce3-e8cd-4db1-96e7-fbcaf984b709', 'Linux root (x86-64)'],
  ['bc13c2ff-59e6-4262-a352-b275fd6f7172', 'Linux boot'],
  ['933ac7e1-2eb4-4f13-b844-0e14e2aef915', 'Linux home'],
  ['0657fd6d-a4ab-43c4-84e5-0933c84b4f4f', 'Linux swap'],
  ['e6d6d379-f507-44c2-a23c-238f2a3df928', 'Linux LVM'],
  ['a19d880f-05fc-4d3b-a006-743f0f84911e', 'Linux RAID'],
  ['ebd0a0a2-b9e5-4433-87c0-68b6b72699c7', 'Microsoft basic data'],
]);

export function hasBootSignature(head: Buffer): boolean {
  return head.length >= SECTOR && head.readUInt16BE(MBR.signature) === 0x55aa;
}

/** @param head the first mebibyte of the disk */
export function partitionsOf(head: Buffer): Partitions | undefined {
  return gptOf(head, SECTOR) ?? gptOf(head, 4096) ?? mbrOf(head);
}

function tableOf(table: Partitions['table'], partitions: readonly Partition[]): Partitions {
  return {
    table,
    partitions,
    hasEfiSystem: partitions.some(({ type }) => type === EFI_SYSTEM),
    endBytes: partitions.reduce((end, { endBytes }) => Math.max(end, endBytes), 0),
  };
}

function mbrOf(head: Buffer): Partitions | undefined {
  if (!hasBootSignature(head)) return undefined;
  const entries = Array.from({ length: MBR.entries }, (_, index) => {
    const at = MBR.table + index * MBR.entry;
    return {
      number: index + 1,
      status: head.readUInt8(at),
      type: head.readUInt8(at + 4),
      start: head.readUInt32LE(at + 8),
      sectors: head.readUInt32LE(at + 12),
    };
  });
  // Boot sectors without a table have code or a text there.
  if (entries.some(({ status }) => status !== 0 && status !== 0x80)) return undefined;
  const used = entries.filter(({ type, sectors }) => type !== 0 && sectors > 0);
  if (used.length === 0) return undefined;
  // The one that protects a GPT may claim more than the disk has.
  const partitions = used
    .filter(({ type }) => type !== TYPE_PROTECTIVE)
    .map(({ number, type, start, sectors }) => ({
      number,
      type: MBR_TYPES.get(type) ?? `type ${type.toString(16).padStart(2, '0')}`,
      startBytes: start * SECTOR,
      endBytes: (start + sectors) * SECTOR,
    }));
  return tableOf('MBR', partitions);
}

const GPT_MAGIC = 'EFI PART';
const EMPTY = '00000000-0000-0000-0000-000000000000';

/** @param sector the disk's size of a sector: where its second one has no GPT, the result is undefined */
function gptOf(head: Buffer, sector: number): Partitions | undefined {
  if (head.length < 2 * sector || head.toString('latin1', sector, sector + 8) !== GPT_MAGIC) return undefined;
  const first = Number(head.readBigUInt64LE(sector + 72)) * sector;
  const count = head.readUInt32LE(sector + 80);
  const bytes = head.readUInt32LE(sector + 84);
  if (bytes < 128) return undefined;
  const partitions: Partition[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = first + index * bytes;
    if (at + bytes > head.length) break;
    const type = guidAt(head, at);
    if (type === EMPTY) continue;
    partitions.push({
      number: index + 1,
      type: GPT_TYPES.get(type) ?? type,
      startBytes: Number(head.readBigUInt64LE(at + 32)) * sector,
      endBytes: (Number(head.readBigUInt64LE(at + 40)) + 1) * sector,
    });
  }
  return tableOf('GPT', partitions);
}

/** The first three of its five numbers are stored with their last byte first. */
function guidAt(head: Buffer, at: number): string {
  const hex = (start: number, end: number) => head.toString('hex', at + start, at + end);
  const swapped = (start: number, end: number) =>
    Buffer.from(head.subarray(at + start, at + end))
      .reverse()
      .toString('hex');
  return [swapped(0, 4), swapped(4, 6), swapped(6, 8), hex(8, 10), hex(10, 16)].join('-');
}

/** What the partition table of a disk says. */
export type Partitions = {
  readonly table: 'GPT' | 'MBR';
  readonly hasEfiSystem: boolean;
  /** Where the last partition ends, in bytes. */
  readonly endBytes: number;
};

const SECTOR = 512;
const MBR = { table: 446, entry: 16, entries: 4, signature: 510 } as const;
const TYPE_EFI_SYSTEM = 0xef;
const TYPE_PROTECTIVE = 0xee;

export function hasBootSignature(head: Buffer): boolean {
  return head.length >= SECTOR && head.readUInt16BE(MBR.signature) === 0x55aa;
}

/** @param head the first mebibyte of the disk */
export function partitionsOf(head: Buffer): Partitions | undefined {
  return gptOf(head, SECTOR) ?? gptOf(head, 4096) ?? mbrOf(head);
}

function mbrOf(head: Buffer): Partitions | undefined {
  if (!hasBootSignature(head)) return undefined;
  const entries = Array.from({ length: MBR.entries }, (_, index) => {
    const at = MBR.table + index * MBR.entry;
    return {
      status: head.readUInt8(at),
      type: head.readUInt8(at + 4),
      end: head.readUInt32LE(at + 8) + head.readUInt32LE(at + 12),
      sectors: head.readUInt32LE(at + 12),
    };
  });
  // Boot sectors without a table have code or a text there.
  if (entries.some(({ status }) => status !== 0 && status !== 0x80)) return undefined;
  const used = entries.filter(({ type, sectors }) => type !== 0 && sectors > 0);
  if (used.length === 0) return undefined;
  // The one that protects a GPT may claim more than the disk has.
  const ends = used.filter(({ type }) => type !== TYPE_PROTECTIVE).map(({ end }) => end * SECTOR);
  return {
    table: 'MBR',
    hasEfiSystem: used.some(({ type }) => type === TYPE_EFI_SYSTEM),
    endBytes: Math.max(0, ...ends),
  };
}

const GPT_MAGIC = 'EFI PART';
const EMPTY = '0'.repeat(32);
/** C12A7328-F81F-11D2-BA4B-00A0C93EC93B, as it is stored. */
const GUID_EFI_SYSTEM = '28732ac11ff8d211ba4b00a0c93ec93b';

/** @param sector the disk's size of a sector: where its second one has no GPT, the result is undefined */
function gptOf(head: Buffer, sector: number): Partitions | undefined {
  if (head.length < 2 * sector || head.toString('latin1', sector, sector + 8) !== GPT_MAGIC) return undefined;
  const first = Number(head.readBigUInt64LE(sector + 72)) * sector;
  const count = head.readUInt32LE(sector + 80);
  const bytes = head.readUInt32LE(sector + 84);
  if (bytes < 128) return undefined;
  let hasEfiSystem = false;
  let endBytes = 0;
  for (let at = first, left = count; left > 0 && at + bytes <= head.length; at += bytes, left -= 1) {
    const type = head.toString('hex', at, at + 16);
    if (type === EMPTY) continue;
    hasEfiSystem ||= type === GUID_EFI_SYSTEM;
    endBytes = Math.max(endBytes, (Number(head.readBigUInt64LE(at + 40)) + 1) * sector);
  }
  return { table: 'GPT', hasEfiSystem, endBytes };
}

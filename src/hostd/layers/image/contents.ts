import type { Firmware } from '../../../domain/firmware.ts';
import { fileSystemOf } from './file-systems.ts';
import { hasBootSignature, partitionsOf } from './partitions.ts';

/** What is on a disk, by its first mebibyte. */
export type Contents = {
  /** Which firmware finds something to boot there: a boot sector, or an EFI system partition. */
  readonly firmware: readonly Firmware[];
  /** For people: `a GPT partition table and a boot sector`. */
  readonly description: string;
  /** How large the disk must be for what is on it, in bytes, as far as that is known. */
  readonly neededBytes: number;
};

/** Undefined when nothing known is on the disk. @param head the first mebibyte of the disk, or all if it is smaller */
export function contentsOf(head: Buffer): Contents | undefined {
  const fileSystem = fileSystemOf(head);
  const partitions = fileSystem?.hasFirstSector === true ? undefined : partitionsOf(head);
  const hasBootSector = hasBootCode(head);
  const hasEfiSystem = partitions?.hasEfiSystem === true;
  const parts = [
    partitions === undefined ? undefined : PARTITION_TABLES[partitions.table],
    fileSystem?.description,
    hasBootSector ? 'a boot sector' : undefined,
    hasEfiSystem ? 'an EFI system partition' : undefined,
  ].filter((part) => part !== undefined);
  if (parts.length === 0) return undefined;
  return {
    firmware: [...(hasBootSector ? (['bios'] as const) : []), ...(hasEfiSystem ? (['uefi'] as const) : [])],
    description: parts.join(' and '),
    // Beside a partition table, what looks like a file system may be older than the table.
    neededBytes: partitions?.endBytes ?? fileSystem?.bytes ?? 0,
  };
}

const PARTITION_TABLES = { GPT: 'a GPT partition table', MBR: 'an MBR partition table' } as const;
const CODE_BYTES = 440;

/** What mkfs.fat and mkntfs put there prints only this. */
const NO_SYSTEM = /not a bootable disk/i;

function hasBootCode(head: Buffer): boolean {
  if (!hasBootSignature(head) || NO_SYSTEM.test(head.toString('latin1', 0, 512))) return false;
  return head.subarray(0, CODE_BYTES).some((byte) => byte !== 0);
}

import { createHash } from 'node:crypto';

/** A raw disk that firmware would boot, as far as its first sector shows; every `name` gives another one. */
export function aBootableDisk(name: string, bytes = 512): Buffer {
  const disk = Buffer.alloc(bytes);
  createHash('sha512').update(name).digest().copy(disk, 4);
  disk.writeUInt16BE(0xebfe, 0);
  disk.writeUInt16BE(0x55aa, 510);
  return disk;
}

/** A raw disk with a GPT of one partition of this type (as it is stored), which ends at `endBytes`; its boot sector has no code. */
export function aGptDisk(typeHex: string, endBytes: number, bytes = endBytes): Buffer {
  const disk = Buffer.alloc(bytes);
  disk.writeUInt8(0xee, 446 + 4);
  disk.writeUInt32LE(1, 446 + 8);
  disk.writeUInt32LE(0xffff_ffff, 446 + 12);
  disk.writeUInt16BE(0x55aa, 510);
  disk.write('EFI PART', 512, 'latin1');
  disk.writeBigUInt64LE(2n, 512 + 72);
  disk.writeUInt32LE(128, 512 + 80);
  disk.writeUInt32LE(128, 512 + 84);
  disk.write(typeHex, 1024, 'hex');
  disk.writeBigUInt64LE(34n, 1024 + 32);
  disk.writeBigUInt64LE(BigInt(endBytes / 512 - 1), 1024 + 40);
  return disk;
}

/** EFI system partition, and a Linux file system, as a GPT stores their types. */
export const GPT_TYPES = {
  efiSystem: '28732ac11ff8d211ba4b00a0c93ec93b',
  linux: 'af3dc60f838472478e793d69d8477de4',
} as const;

/** A raw disk with an MBR of one partition of this type, and boot code or not. */
export function anMbrDisk(type: number, hasCode: boolean, bytes = 1024 * 1024): Buffer {
  const disk = Buffer.alloc(bytes);
  if (hasCode) disk.writeUInt16BE(0xebfe, 0);
  disk.writeUInt8(type, 446 + 4);
  disk.writeUInt32LE(8, 446 + 8);
  disk.writeUInt32LE(bytes / 512 - 8, 446 + 12);
  disk.writeUInt16BE(0x55aa, 510);
  return disk;
}

/** A raw disk that is one ext4 file system of `fileSystemBytes`, as far as its superblock shows. */
export function anExt4Disk(fileSystemBytes: number, bytes = fileSystemBytes): Buffer {
  const disk = Buffer.alloc(bytes);
  disk.writeUInt32LE(fileSystemBytes / 1024, 1024 + 4);
  disk.writeUInt16LE(0xef53, 1024 + 0x38);
  disk.writeUInt32LE(0x4, 1024 + 0x5c);
  disk.writeUInt32LE(0x40, 1024 + 0x60);
  return disk;
}

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

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

const CD_SECTOR = 2048;

/** A CD of so many sectors, as far as the primary volume descriptor of ISO 9660 shows. */
export function aCd(sectors: number): Buffer {
  const cd = Buffer.alloc(sectors * CD_SECTOR);
  const primary = 16 * CD_SECTOR;
  cd.writeUInt8(1, primary);
  cd.write('CD001', primary + 1, 'latin1');
  cd.writeUInt32LE(sectors, primary + 80);
  cd.writeUInt16LE(CD_SECTOR, primary + 128);
  cd.writeUInt8(255, 17 * CD_SECTOR);
  cd.write('CD001', 17 * CD_SECTOR + 1, 'latin1');
  return cd;
}

/** A CD of so many sectors with UDF, as far as its recognition sequence, its anchor and its partition show. */
export function aUdfCd(sectors: number): Buffer {
  const cd = Buffer.alloc(sectors * CD_SECTOR);
  for (const [index, name] of ['BEA01', 'NSR02', 'TEA01'].entries())
    cd.write(name, (18 + index) * CD_SECTOR + 1, 'latin1');
  const anchor = 256 * CD_SECTOR;
  cd.writeUInt16LE(2, anchor);
  cd.writeUInt32LE(16 * CD_SECTOR, anchor + 16);
  cd.writeUInt32LE(32, anchor + 20);
  const partition = 33 * CD_SECTOR;
  cd.writeUInt16LE(5, partition);
  cd.writeUInt32LE(257, partition + 188);
  cd.writeUInt32LE(sectors - 257, partition + 192);
  cd.writeUInt16LE(8, 34 * CD_SECTOR);
  return cd;
}

/** Boot code that hands over to the next device in the firmware's order. */
export const GIVES_UP = Buffer.from('cd18', 'hex');

/** Boot code that writes a line to the first serial port, every second: who logs it may not be there from the beginning. @param at its offset */
export function bootCodeThatWrites(line: string, at = 0x7c00): Buffer {
  // sti; start: mov dx,0x3f8; mov si,line; next: cs lodsb; or al,al; jz end; out dx,al; jmp next
  // end: mov cx,18; tick: hlt; loop tick; jmp start
  const code = Buffer.from('fbbaf803be00002eac08c07403eeebf7b91200f4e2fdebe9', 'hex');
  code.writeUInt16LE(at + code.length, 5);
  return Buffer.concat([code, Buffer.from(`${line}\r\n\0`)]);
}

const SETUP_SECTORS = 1;
/** Offsets in a kernel by Linux' boot protocol: of its real-mode code, and behind the fields of its header. */
const SETUP_CODE = 0x200;
const AFTER_HEADER = 0x280;

/** What firmware takes for a Linux kernel: it writes a line to the first serial port, every second. */
export function aKernelThatWrites(line: string): Buffer {
  const kernel = Buffer.alloc((1 + SETUP_SECTORS + 1) * 512);
  kernel.writeUInt8(SETUP_SECTORS, 0x1f1);
  kernel.writeUInt16LE(0xaa55, 0x1fe);
  kernel.writeUInt8(0xeb, SETUP_CODE);
  kernel.writeUInt8(AFTER_HEADER - SETUP_CODE - 2, SETUP_CODE + 1);
  kernel.write('HdrS', 0x202, 'latin1');
  const [version, loadedHigh, initrdBelow] = [0x0206, 1, 0x37ff_ffff];
  kernel.writeUInt16LE(version, 0x206);
  kernel.writeUInt8(loadedHigh, 0x211);
  kernel.writeUInt32LE(initrdBelow, 0x22c);
  bootCodeThatWrites(line, AFTER_HEADER - SETUP_CODE).copy(kernel, AFTER_HEADER);
  return kernel;
}

/** A raw disk of one mebibyte with this boot code. */
export function aDiskThatStarts(code: Buffer): Buffer {
  const disk = Buffer.alloc(1024 * 1024);
  code.copy(disk);
  disk.writeUInt16BE(0x55aa, 510);
  return disk;
}

/** Makes a CD of a folder's files with `xorriso`. */
export async function makeCd(folder: string, target: string, ...options: readonly string[]): Promise<void> {
  await run('xorriso', ['-as', 'mkisofs', '-quiet', '-R', ...options, '-o', target, folder]);
}

/** Makes a CD that a BIOS starts. @param folder is made, for what is on it */
export async function makeBootableCd(code: Buffer, folder: string, target: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'boot.img'), Buffer.concat([code], 2048));
  await makeCd(folder, target, '-b', 'boot.img', '-no-emul-boot', '-boot-load-size', '4');
}

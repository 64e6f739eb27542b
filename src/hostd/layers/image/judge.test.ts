import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  aBootableDisk,
  aGptDisk,
  anExt4Disk,
  anMbrDisk,
  GPT_TYPES,
} from '../../../../test/builders/disk-images.ts';
import { describeUnless } from '../../../../test/skip.ts';
import type { Firmware } from '../../../domain/firmware.ts';
import { createImageTool } from '../../drivers/common/images.ts';
import { locate } from '../../programs.ts';
import { judgeImage } from './judge.ts';

const MIB = 1024 * 1024;
const searchPath = process.env.PATH ?? '';
const noQemuImg =
  (await locate('qemu-img', searchPath)) === undefined ? 'qemu-img is not installed (qemu-utils)' : undefined;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-judge-'));
  path = join(folder, 'image');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const run = promisify(execFile);
const judge = () =>
  judgeImage(path, 'the image', createImageTool({ searchPath }), new AbortController().signal);

/** Makes the file at `path`. */
type Make = () => Promise<unknown>;
const bytes =
  (content: Buffer | string): Make =>
  () =>
    writeFile(path, content);
const created =
  (format: string, options: readonly string[] = [], more: readonly string[] = []): Make =>
  () =>
    run('qemu-img', ['create', '-q', ...more, '-f', format, ...options, path, '8M']);

/** A disk with something on it in every mebibyte, as an image of this format. */
function converted(format: string, ...options: readonly string[]): Make {
  return async () => {
    const raw = join(folder, 'raw');
    const disk = aBootableDisk('whole', 8 * MIB);
    for (let at = MIB; at < disk.length; at += MIB) disk.fill(`at ${at}`, at, at + 600_000);
    await writeFile(raw, disk);
    await run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, raw, path]);
    await rm(raw);
  };
}

const cut =
  (make: Make, part = 0.5): Make =>
  async () => {
    await make();
    await truncate(path, Math.floor((await stat(path)).size * part));
  };

/** Changes bytes of the file that `make` made. */
const changed =
  (make: Make, change: (file: Buffer) => void): Make =>
  async () => {
    await make();
    const file = await readFile(path);
    change(file);
    await writeFile(path, file);
  };

const html = '<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n';
const descriptor = (extent: string) =>
  `# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n\nRW 16 FLAT "${extent}" 0\n`;
const refused: readonly [name: string, make: Make, reason: string, message: RegExp][] = [
  ['a web page', bytes(html), 'ImageInvalid', /web page.*address of the file itself/],
  [
    'a web page in Latin-1',
    bytes(Buffer.from(html.replace('Not found', 'Zugriff verweigert: gehört Ihnen nicht'), 'latin1')),
    'ImageInvalid',
    /web page/,
  ],
  ['a web page in UTF-16', bytes(Buffer.from(`\ufeff${html}`, 'utf16le')), 'ImageInvalid', /web page/],
  [
    'an XML error',
    bytes('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
    'ImageInvalid',
    /text file/,
  ],
  ['nothing', bytes(''), 'ImageInvalid', /empty file/],
  ['gzip', bytes(gzipSync(aBootableDisk('a'))), 'ImageInvalid', /gzip.*gunzip/],
  ['zstd', bytes(zstdCompressSync(aBootableDisk('a'))), 'ImageInvalid', /zstd.*unzstd/],
  ['xz', bytes(Buffer.from('fd377a585a000004e6d6b446', 'hex')), 'ImageInvalid', /xz.*unxz/],
  ['bzip2', bytes('BZh91AY&SY'), 'ImageInvalid', /bzip2.*bunzip2/],
  ['zip', bytes(Buffer.from('PK\x03\x04\x14\0\0\0', 'latin1')), 'ImageInvalid', /zip.*unzip/],
  [
    'tar',
    bytes(Buffer.concat([Buffer.alloc(257), Buffer.from('ustar\x0000'), Buffer.alloc(255)])),
    'ImageInvalid',
    /tar archive/,
  ],
  [
    'a Linux kernel',
    bytes(Buffer.concat([aBootableDisk('k'), Buffer.from('\xeb\x66HdrS', 'latin1')])),
    'ImageInvalid',
    /guest\.boot\.kernel/,
  ],
  ['300 bytes', bytes(Buffer.alloc(300, 7)), 'ImageInvalid', /300 bytes.*neither a boot sector/],
  [
    'a disk of zeroes',
    () => writeFile(path, '').then(() => truncate(path, 8 * MIB)),
    'ImageInvalid',
    /neither a boot sector/,
  ],
  ['an empty qcow2', created('qcow2'), 'ImageInvalid', /\(qcow2\) has neither a boot sector/],
  ['a qcow2 cut in half', cut(converted('qcow2')), 'ImageInvalid', /damaged or was cut off/],
  ['a packed qcow2 cut in half', cut(converted('qcow2', '-c')), 'ImageInvalid', /damaged or was cut off/],
  ['a qcow2 cut in its header', cut(converted('qcow2'), 0.00001), 'ImageInvalid', /ends in the middle/],
  ['a VMDK cut in half', cut(converted('vmdk')), 'ImageInvalid', /damaged or was cut off/],
  ['a VDI cut in half', cut(converted('vdi')), 'ImageInvalid', /header announces/],
  ['a VHDX cut in half', cut(converted('vhdx')), 'ImageInvalid', /damaged or was cut off/],
  ['a VHD cut in half', cut(converted('vpc')), 'ImageInvalid', /damaged or was cut off/],
  [
    'a raw disk cut in half',
    cut(bytes(anMbrDisk(0x83, true, 8 * MIB))),
    'ImageInvalid',
    /reaches to 8388608 bytes/,
  ],
  [
    'a raw GPT disk cut in half',
    cut(bytes(aGptDisk(GPT_TYPES.efiSystem, 8 * MIB))),
    'ImageInvalid',
    /reaches to/,
  ],
  [
    'a raw file system cut in half',
    cut(bytes(anExt4Disk(8 * MIB))),
    'ImageInvalid',
    /ext4 file system that reaches to/,
  ],
  [
    'a raw file system cut to some kilobytes',
    cut(bytes(anExt4Disk(8 * MIB)), 0.0002),
    'ImageInvalid',
    /damaged or was cut off/,
  ],
  // By its header: to make one, qemu-img measures how fast the machine is, which fails on a busy one.
  [
    'an encrypted qcow2',
    changed(converted('qcow2'), (file) => file.writeUInt32BE(2, 32)),
    'ImageEncrypted',
    /decrypt it/,
  ],
  [
    'an old encrypted qcow2',
    changed(converted('qcow2'), (file) => file.writeUInt32BE(1, 32)),
    'ImageEncrypted',
    /decrypt it/,
  ],
  ['LUKS', bytes(Buffer.from('LUKS\xba\xbe\0\x01', 'latin1')), 'ImageEncrypted', /decrypt it/],
  [
    'a qcow2 on a backing file',
    created('qcow2', ['-u', '-F', 'raw', '-b', '/etc/passwd']),
    'ImageUnsafe',
    /\/etc\/passwd/,
  ],
  [
    'a qcow2 on an address',
    created('qcow2', ['-u', '-F', 'raw', '-b', 'nbd://10.0.0.1/x']),
    'ImageUnsafe',
    /nbd:/,
  ],
  [
    'a qcow2 with a data file',
    () => created('qcow2', ['-o', `data_file=${join(folder, 'data')}`])(),
    'ImageUnsafe',
    /data file/,
  ],
  [
    'a qcow2 that only names a data file',
    changed(converted('qcow2'), nameDataFile),
    'ImageUnsafe',
    /\/etc\/passwd/,
  ],
  [
    'a qcow2 of tomorrow',
    changed(converted('qcow2'), (file) => file.writeUInt8(1, 72)),
    'ImageInvalid',
    /newer qcow2/,
  ],
  [
    'a corrupt qcow2',
    changed(converted('qcow2'), (file) => file.writeUInt8(2, 79)),
    'ImageInvalid',
    /marked as corrupt/,
  ],
  ['a qcow of version 1', created('qcow'), 'ImageInvalid', /version 1.*convert it/],
  [
    'a VMDK descriptor of a file of the host',
    bytes(descriptor('/etc/passwd')),
    'ImageInvalid',
    /VMDK descriptor.*not opened/,
  ],
  [
    'a split VMDK',
    changed(converted('vmdk'), (file) => file.writeBigUInt64LE(0n, 12)),
    'ImageUnsafe',
    /several parts/,
  ],
  ['a VMDK on a parent', changed(converted('vmdk'), nameParent), 'ImageUnsafe', /parent of a VMDK/],
  ['a VMDK of another type', changed(converted('vmdk'), nameOtherType), 'ImageUnsafe', /VMDK of type vmfs/],
];

function nameDataFile(file: Buffer): void {
  const end = file.readUInt32BE(100);
  const name = '/etc/passwd';
  file.writeUInt32BE(0x44415441, end);
  file.writeUInt32BE(name.length, end + 4);
  file.write(`${name}${'\0'.repeat(16)}`, end + 8);
}

function nameParent(file: Buffer): void {
  const place = file.indexOf('# Disk DescriptorFile');
  file.write('parentFileNameHint="/etc/passwd"\n', place + 500);
}

function nameOtherType(file: Buffer): void {
  const place = file.indexOf('monolithicSparse');
  file.write('vmfs"', place);
}

describeUnless(noQemuImg, 'an image that is refused', () => {
  it.each(refused)('%s', async (_name, make, reason, message) => {
    await make();
    await expect(judge()).rejects.toMatchObject({
      reason,
      kind: 'stalled',
      message: expect.stringMatching(new RegExp(`^the image .*${message.source}`, 's')),
    });
  });

  it('names no file of the host that exists, and one that does not, in the same way', async () => {
    const told = [];
    for (const extent of ['/etc/passwd', '/etc/does-not-exist', join(folder, 'fifo')]) {
      await run('mkfifo', [join(folder, 'fifo')]).catch(() => undefined);
      await writeFile(path, descriptor(extent));
      told.push(await judge().catch((error: unknown) => String(error)));
    }
    expect(new Set(told).size).toBe(1);
  });
});

const accepted: readonly [
  name: string,
  make: Make,
  format: string,
  firmware: readonly Firmware[],
  content: RegExp,
][] = [
  ['a boot sector', bytes(aBootableDisk('a', MIB)), 'raw', ['bios'], /^a boot sector$/],
  ['an MBR with code', bytes(anMbrDisk(0x83, true)), 'raw', ['bios'], /MBR.*boot sector/],
  ['an MBR without code', bytes(anMbrDisk(0x83, false)), 'raw', [], /^an MBR partition table$/],
  ['an MBR with an EFI system partition', bytes(anMbrDisk(0xef, false)), 'raw', ['uefi'], /EFI system/],
  ['an MBR with both', bytes(anMbrDisk(0xef, true)), 'raw', ['bios', 'uefi'], /boot sector.*EFI system/],
  [
    'a GPT with an EFI system partition',
    bytes(aGptDisk(GPT_TYPES.efiSystem, 2 * MIB)),
    'raw',
    ['uefi'],
    /GPT.*EFI system/,
  ],
  ['a GPT without', bytes(aGptDisk(GPT_TYPES.linux, 2 * MIB)), 'raw', [], /^a GPT partition table$/],
  ['a file system', bytes(anExt4Disk(2 * MIB)), 'raw', [], /^an ext4 file system$/],
  [
    'a FAT volume that only says that it does not boot',
    bytes(aFatVolume()),
    'raw',
    [],
    /^a FAT file system$/,
  ],
  ['qcow2', converted('qcow2'), 'qcow2', ['bios'], /boot sector/],
  ['qcow2 of version 2', converted('qcow2', '-o', 'compat=0.10'), 'qcow2', ['bios'], /boot sector/],
  ['packed qcow2', converted('qcow2', '-c', '-o', 'compression_type=zstd'), 'qcow2', ['bios'], /boot sector/],
  ['VMDK', converted('vmdk'), 'vmdk', ['bios'], /boot sector/],
  ['packed VMDK', converted('vmdk', '-o', 'subformat=streamOptimized'), 'vmdk', ['bios'], /boot sector/],
  ['VDI', converted('vdi'), 'vdi', ['bios'], /boot sector/],
  ['VHDX', converted('vhdx'), 'vhdx', ['bios'], /boot sector/],
  ['VHD', converted('vpc'), 'vpc', ['bios'], /boot sector/],
];

function aFatVolume(): Buffer {
  const disk = Buffer.alloc(MIB);
  disk.write('\xeb\x3c\x90mkfs.fat', 'latin1');
  disk.write('FAT16   ', 54);
  disk.write('This is not a bootable disk.', 0x5b);
  disk.writeUInt16BE(0x55aa, 510);
  return disk;
}

describeUnless(noQemuImg, 'an image that is accepted', () => {
  it.each(accepted)('%s', async (_name, make, format, firmware, content) => {
    await make();
    const judgement = await judge();
    expect(judgement).toMatchObject({
      format,
      firmware,
      bootable: firmware.length > 0,
      content: expect.stringMatching(content),
    });
    expect(judgement.virtualBytes).toBeGreaterThanOrEqual(MIB);
    expect(await readdir(folder)).toEqual(['image']);
  });
});

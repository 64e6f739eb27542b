import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip, type ZlibOptions } from 'node:zlib';
import type { GuestImage } from '../e2e/guest-vm.ts';
import type { Dom0 } from './dom0.ts';
import { machineFiles } from './machine.ts';

const run = promisify(execFile);
export const compressed = promisify<Buffer, ZlibOptions, Buffer>(gzip);
/** Where Debian keeps debugfs; a plain user's PATH lacks it. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

const SECTOR_BYTES = 512;
const FIRST_SECTOR = 2048;
/** Size of the code in a boot sector; the partition table follows. */
const BOOT_CODE_BYTES = 440;
/** The parts of GRUB for a PC's firmware, in Debian's package grub-pc-bin. */
const grub = {
  folder: '/usr/lib/grub/i386-pc',
  modules: ['biosdisk', 'part_msdos', 'ext2', 'normal', 'linux'],
};

/** The kernel for GRUB in a PV guest. It must not be a packed kernel image; but GRUB itself unpacks any gzip file. */
export async function kernelForPv({ kernel }: GuestImage): Promise<Buffer> {
  return compressed(await readFile(kernel), { level: 6 });
}

/** The kernel for GRUB on a PC and in a PVH guest: packed, as in Debian. */
export async function kernelForPc({ kernel }: GuestImage): Promise<Buffer> {
  return readFile(join(dirname(kernel), 'vmlinuz'));
}

/**
 * Makes `target`, a raw image: the guest's disk with kernel, initrd and GRUB's configuration, as on an installed system. The disk is one
 * file system without partitions, which Xen's own boot loaders accept. Runs on this machine: in an emulated one it takes ten times as
 * long.
 */
export async function makeBootableDisk(
  image: GuestImage,
  { kernel, commandLine }: { readonly kernel: Buffer; readonly commandLine: string },
  target: string,
): Promise<void> {
  const parts = {
    kernel,
    initrd: await compressed(await readFile(image.initrd), { level: 9 }),
    'grub/grub.cfg': grubConfiguration(commandLine),
  };
  const folder = await mkdtemp(join(dirname(target), 'parts-'));
  try {
    const written = Object.entries(parts).map(([name, data], index) => ({
      name,
      data,
      file: `part-${index}`,
    }));
    for (const { file, data } of written) await writeFile(join(folder, file), data);
    const writes = written.map(({ name, file }) => `write ${file} /boot/${name}`);
    await writeFile(join(folder, 'commands'), `mkdir /boot\nmkdir /boot/grub\n${writes.join('\n')}\n`);
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', image.disk, target]);
    await run('debugfs', ['-w', '-f', 'commands', target], { cwd: folder, env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes `target`, a raw image that a PC's firmware boots: GRUB, and a partition with the disk of {@link makeBootableDisk}. */
export async function makePcDisk(dom0: Dom0, system: string, target: string): Promise<void> {
  const share = join(dom0.folder, machineFiles.share);
  const core = '/share/core.img';
  const prefix = '(hd0,msdos1)/boot/grub';
  await dom0.run(['/usr/bin/grub-mkimage', '-O', 'i386-pc', '-o', core, '-p', prefix, ...grub.modules]);
  await dom0.run(['/bin/cp', `${grub.folder}/boot.img`, '/share/boot.img']);
  const sectors = (await stat(system)).size / SECTOR_BYTES;
  const code = (await readFile(join(share, 'boot.img'))).subarray(0, BOOT_CODE_BYTES);
  // By default GRUB's boot sector reads the rest of GRUB from the sectors that follow.
  const head = Buffer.concat([bootSector(code, sectors), await readFile(join(share, 'core.img'))]);
  await writeFile(target, head);
  const to = [`of=${target}`, `bs=${SECTOR_BYTES * FIRST_SECTOR}`, 'seek=1', 'conv=notrunc'];
  await run('dd', [`if=${system}`, 'status=none', ...to]);
  for (const name of ['core.img', 'boot.img']) await rm(join(share, name));
}

/** A boot sector with one bootable Linux partition. */
function bootSector(code: Buffer, sectors: number): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  code.copy(sector);
  sector.writeUInt8(0x80, 446);
  sector.writeUInt8(0x83, 450);
  sector.writeUInt32LE(FIRST_SECTOR, 454);
  sector.writeUInt32LE(sectors, 458);
  sector.writeUInt16BE(0x55aa, 510);
  return sector;
}

/** A shorter version of what update-grub writes. pygrub ignores settings outside a menu entry. */
function grubConfiguration(commandLine: string): string {
  return `set default="0"
set timeout=0
menuentry 'Coppice guest' {
  linux /boot/kernel ${commandLine}
  initrd /boot/initrd
}
`;
}

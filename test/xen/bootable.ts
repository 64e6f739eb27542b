import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { GuestImage } from '../e2e/guest-vm.ts';
import type { Dom0 } from './dom0.ts';
import { machineFiles } from './machine.ts';

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
  return promisify(gzip)(await readFile(kernel), { level: 6 });
}

/** The kernel for GRUB on a PC and in a PVH guest: packed, as in Debian. */
export async function kernelForPc({ kernel }: GuestImage): Promise<Buffer> {
  return readFile(join(dirname(kernel), 'vmlinuz'));
}

/**
 * Makes `target` in dom0: the guest's disk `base` with kernel, initrd and GRUB's configuration, as on an installed system. The disk is
 * one file system without partitions, which Xen's own boot loaders accept.
 */
export async function makeBootableDisk(
  dom0: Dom0,
  image: GuestImage,
  { kernel, commandLine }: { readonly kernel: Buffer; readonly commandLine: string },
  base: string,
  target: string,
): Promise<void> {
  const raw = `${target}.raw`;
  const parts = {
    kernel,
    initrd: await readFile(image.initrd),
    'grub/grub.cfg': grubConfiguration(commandLine),
  };
  const share = join(dom0.folder, machineFiles.share);
  const written = Object.entries(parts).map(([name, data], index) => ({ name, data, file: `part-${index}` }));
  for (const { file, data } of written) await writeFile(join(share, file), data);
  const writes = written.map(({ name, file }) => `write /share/${file} /boot/${name}`);
  await writeFile(join(share, 'commands'), `mkdir /boot\nmkdir /boot/grub\n${writes.join('\n')}\n`);
  await dom0.run(['/usr/bin/qemu-img', 'convert', '-O', 'raw', base, raw]);
  await dom0.run(['/usr/sbin/debugfs', '-w', '-f', '/share/commands', raw]);
  await dom0.run(['/usr/bin/qemu-img', 'convert', '-O', 'qcow2', raw, target]);
  await dom0.run(['/bin/rm', raw]);
  for (const name of ['commands', ...written.map(({ file }) => file)]) await rm(join(share, name));
}

/** Makes `target` in dom0, which a PC's firmware boots: GRUB, and a partition with the disk of {@link makeBootableDisk}. */
export async function makePcDisk(dom0: Dom0, bootable: string, target: string): Promise<void> {
  const [raw, system] = [`${target}.raw`, `${target}.system`];
  const share = join(dom0.folder, machineFiles.share);
  const core = '/share/core.img';
  const prefix = '(hd0,msdos1)/boot/grub';
  await dom0.run(['/usr/bin/grub-mkimage', '-O', 'i386-pc', '-o', core, '-p', prefix, ...grub.modules]);
  await dom0.run(['/bin/cp', `${grub.folder}/boot.img`, '/share/boot.img']);
  await dom0.run(['/usr/bin/qemu-img', 'convert', '-O', 'raw', bootable, system]);
  const sectors = Number(await dom0.run(['/usr/bin/stat', '-c', '%s', system])) / SECTOR_BYTES;
  const code = (await readFile(join(share, 'boot.img'))).subarray(0, BOOT_CODE_BYTES);
  // By default GRUB's boot sector reads the rest of GRUB from the sectors that follow.
  await writeFile(
    join(share, 'head'),
    Buffer.concat([bootSector(code, sectors), await readFile(join(share, 'core.img'))]),
  );
  await dom0.run(['/bin/cp', '/share/head', raw]);
  const to = [`of=${raw}`, `bs=${SECTOR_BYTES * FIRST_SECTOR}`, 'seek=1', 'conv=notrunc'];
  await dom0.run(['/bin/dd', `if=${system}`, ...to]);
  await dom0.run(['/usr/bin/qemu-img', 'convert', '-O', 'qcow2', raw, target]);
  await dom0.run(['/bin/rm', raw, system]);
  for (const name of ['core.img', 'boot.img', 'head']) await rm(join(share, name));
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

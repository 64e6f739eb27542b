import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { GuestImage } from '../e2e/guest-vm.ts';
import type { Dom0 } from './dom0.ts';
import { machineFiles } from './machine.ts';

/**
 * Makes `target` in dom0: the guest's disk with kernel, initrd and GRUB's configuration on it, as an installed system has them. GRUB
 * in a PV guest takes an uncompressed kernel only, but unpacks gzip's files of any kind.
 */
export async function makeBootableDisk(
  dom0: Dom0,
  image: GuestImage,
  commandLine: string,
  base: string,
  target: string,
): Promise<void> {
  const raw = `${target}.raw`;
  const parts = {
    kernel: await promisify(gzip)(await readFile(image.kernel), { level: 6 }),
    initrd: await readFile(image.initrd),
    'grub/grub.cfg': `linux /boot/kernel ${commandLine}\ninitrd /boot/initrd\nboot\n`,
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

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../../errors/index.ts';
import { readTail } from '../../common/console.ts';

/** Where libxl has the QEMU of each domain, which serves its disks and channels, write its messages; the last ten are kept. */
const directory = '/var/log/xen';
const tailBytes = 500;

const logOf = (domain: string) => `qemu-dm-${domain}.log`;

/** The last that the domain's QEMU said, when xl says that it was at fault; else nothing. */
export async function deviceModelWords(domain: string, words: string): Promise<string> {
  if (!/device model|qemu|qdisk/i.test(words)) return '';
  const said = (await readTail([join(directory, logOf(domain))], tailBytes)).toString().trim();
  return said === '' ? '' : `\nits QEMU says: ${said}`;
}

/** What pygrub said, when xl says that it failed and where it said so, which is then removed. */
export async function bootLoaderWords(words: string): Promise<string> {
  const [, log] = /consult logfile (\/var\/log\/xen\/bootloader\.\d+\.log)\b/.exec(words) ?? [];
  if (log === undefined) return '';
  const said = (await readTail([log], tailBytes)).toString().trim();
  await rm(log, { force: true });
  return said === '' ? '' : `\nits boot loader says: ${said}`;
}

/** Of a domain that is gone: its number is not given again. */
export async function removeBootLoaderLog(id: number): Promise<void> {
  await rm(join(directory, `bootloader.${id}.log`), { force: true });
}

/** Nobody else removes them, and there would be one for every VM that ever was. */
export async function removeDeviceModelLogs(domain: string): Promise<void> {
  const log = logOf(domain);
  const names = (await namesIn(directory)).filter((name) => name === log || name.startsWith(`${log}.`));
  await Promise.all(names.map((name) => rm(join(directory, name), { force: true })));
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

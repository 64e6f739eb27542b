import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import { readTail } from '../common/console.ts';

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

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../../files/if-there.ts';
import { readTail } from '../../common/console.ts';

/** The folder in which libxl keeps the logs of each domain's QEMU, which serves its disks and channels; the last ten are kept. */
const directory = '/var/log/xen';
const tailBytes = 500;

const logOf = (domain: string) => `qemu-dm-${domain}.log`;

/** The last lines of the domain's QEMU, when xl's output blames it; else an empty string. */
export async function deviceModelOutput(domain: string, xlOutput: string): Promise<string> {
  if (!/device model|qemu|qdisk/i.test(xlOutput)) return '';
  const output = (await readTail([join(directory, logOf(domain))], tailBytes)).toString().trim();
  return output === '' ? '' : `\nits QEMU says: ${output}`;
}

/** The last lines of pygrub's log, when xl's output names that log; else an empty string. The log is removed. */
export async function bootLoaderOutput(xlOutput: string): Promise<string> {
  const [, log] = /consult logfile (\/var\/log\/xen\/bootloader\.\d+\.log)\b/.exec(xlOutput) ?? [];
  if (log === undefined) return '';
  const output = (await readTail([log], tailBytes)).toString().trim();
  await rm(log, { force: true });
  return output === '' ? '' : `\nits boot loader says: ${output}`;
}

/** Removes the boot loader's log of a domain that is gone. Xen does not use a domain's id twice. */
export async function removeBootLoaderLog(id: number): Promise<void> {
  await rm(join(directory, `bootloader.${id}.log`), { force: true });
}

/** Removes the logs of a domain's QEMU. Nothing else does, so every VM would leave one behind. */
export async function removeDeviceModelLogs(domain: string): Promise<void> {
  const log = logOf(domain);
  const all = (await ifThere(readdir(directory))) ?? [];
  const names = all.filter((name) => name === log || name.startsWith(`${log}.`));
  await Promise.all(names.map((name) => rm(join(directory, name), { force: true })));
}

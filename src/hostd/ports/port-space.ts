import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ifReadable } from '../files/if-there.ts';

/**
 * What daemons that share ports have in common: the boot of the machine, and the network namespace. Undefined where the system does
 * not tell. https://man7.org/linux/man-pages/man7/network_namespaces.7.html
 */
export async function portSpaceOf(proc = '/proc'): Promise<string | undefined> {
  const boot = await ifReadable(readFile(join(proc, 'sys/kernel/random/boot_id'), 'utf8'));
  const namespace = await ifReadable(readlink(join(proc, 'self/ns/net')));
  return boot === undefined || namespace === undefined ? undefined : `${boot.trim()}/${namespace}`;
}

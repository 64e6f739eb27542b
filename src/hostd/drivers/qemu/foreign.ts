import { realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { allQemu, nameOf } from './processes.ts';

/** Names of the VMs whose QEMU does not run in a folder below `root`, in order. */
export async function foreignVms(root: string): Promise<readonly string[]> {
  const own = `${await realpath(resolve(root))}${sep}`;
  const foreign = (await allQemu()).filter(({ directory }) => !`${directory}${sep}`.startsWith(own));
  return foreign.map(nameOf).sort();
}

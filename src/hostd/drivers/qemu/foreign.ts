import { allQemu, nameOf, runsBelow } from './processes.ts';

/** Names of the VMs whose QEMU does not run in a folder in `root`, in order. */
export async function foreignVms(root: string): Promise<readonly string[]> {
  const all = await Promise.all(
    (await allQemu()).map(async (found) => ((await runsBelow(found, root)) ? [] : [nameOf(found)])),
  );
  return all.flat().sort();
}

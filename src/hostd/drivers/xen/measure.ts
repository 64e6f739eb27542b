import type { MachineUse } from '../driver.ts';
import type { Toolstack } from './xl/toolstack.ts';

/**
 * The whole machine, of which dom0 sees only its own share: CPUs and memory as Xen has them. Memory in use is all that
 * Xen could not give to a new domain: total less free, dom0's and Xen's own included. CPU time is that of all domains, or,
 * with `own`, of the domains with these uuids, and then their memory alone is in use.
 */
export async function measureMachine(toolstack: Toolstack, own?: readonly string[]): Promise<MachineUse> {
  const [info, domains] = await Promise.all([toolstack.info(), toolstack.recentDomains()]);
  const counted = own === undefined ? domains : domains.filter(({ uuid }) => own.includes(uuid));
  const busySeconds = counted.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const ownBytes = counted.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  return {
    cpuMillis: info.cpus * 1000,
    memoryBytes: info.totalBytes,
    busyMillis: Math.round(busySeconds * 1000),
    usedMemoryBytes: own === undefined ? info.totalBytes - info.freeBytes : ownBytes,
  };
}

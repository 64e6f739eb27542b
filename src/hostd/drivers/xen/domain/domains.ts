import { sep } from 'node:path';
import type { Problem } from '../../../../host/protocol.ts';
import { hostErrors, toProblem } from '../../../errors/index.ts';
import type { VmObservation } from '../../driver.ts';
import type { Domain } from '../xl/parse.ts';
import type { Toolstack } from '../xl/toolstack.ts';
import { readDomainRecord } from './domain-record.ts';

/**
 * The domain of the VM `uuid` in `directory`: the domain with that uuid, if it was made from this folder or has its disk there.
 * Another domain with the same uuid does not belong to the VM and is not touched.
 */
export async function findDomain(
  toolstack: Toolstack,
  uuid: string,
  directory: string,
  domains = toolstack.domains(),
): Promise<Domain | undefined> {
  const domain = (await domains).find((each) => each.uuid === uuid);
  if (domain === undefined) return undefined;
  return (await isOwn(toolstack, domain, directory)) ? domain : undefined;
}

/** Whether the domain was made from this folder, or has its disk there. */
export async function isOwn(toolstack: Toolstack, { id, uuid }: Domain, directory: string): Promise<boolean> {
  if ((await readDomainRecord(directory))?.uuid === uuid) return true;
  const disks = (await toolstack.disks(id)).get(id) ?? [];
  return disks.some((path) => path.startsWith(directory + sep));
}

type Condition = { readonly state: VmObservation['state']; readonly problem?: Problem };

/** The state of a VM, from the state of its domain. */
export function conditionOf(domain: Domain): Condition {
  switch (domain.shutdown) {
    case undefined:
      // A domain that is being destroyed does not come back.
      if (domain.dying) return { state: 'Crashed' };
      return { state: domain.paused ? 'Paused' : 'Running' };
    case 'poweroff':
    case 'softReset':
      return { state: 'Stopped' };
    case 'reboot':
      return { state: 'Stopped', problem: toProblem(hostErrors.guestRebooted()) };
    case 'suspend':
      return { state: 'Paused' };
    case 'crash':
    case 'watchdog':
    case 'unknown':
      return { state: 'Crashed', problem: toProblem(hostErrors.guestPanicked()) };
  }
}

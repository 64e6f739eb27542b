import { sep } from 'node:path';
import type { Problem } from '../../../host/protocol.ts';
import { hostErrors, toProblem } from '../../errors/index.ts';
import type { VmObservation } from '../driver.ts';
import { readNote } from './domain-record.ts';
import type { Domain } from './xl/parse.ts';
import type { Toolstack } from './xl/toolstack.ts';

/**
 * The domain of the VM `uuid` in `directory`. It is that VM's when a domain with its uuid was made from this folder, or has
 * its disk there: another one with the same uuid is none of ours, and not touched.
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

export async function isOwn(toolstack: Toolstack, { id, uuid }: Domain, directory: string): Promise<boolean> {
  if ((await readNote(directory))?.uuid === uuid) return true;
  const disks = (await toolstack.disks(id)).get(id) ?? [];
  return disks.some((path) => path.startsWith(directory + sep));
}

type Condition = { readonly state: VmObservation['state']; readonly problem?: Problem };

/** What a domain's state says of its VM. */
export function conditionOf(domain: Domain): Condition {
  switch (domain.shutdown) {
    case undefined:
      // One that is being taken down does not come back.
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

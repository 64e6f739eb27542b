import type { VmObservation } from '../driver.ts';
import { conditionOf, findDomain } from './domains.ts';
import { readNote } from './note.ts';
import type { Toolstack } from './toolstack.ts';

/** See {@link Driver.inspect}. */
export async function inspectVm(
  toolstack: Toolstack,
  uuid: string,
  directory: string,
): Promise<VmObservation | undefined> {
  const [domain, read] = await Promise.all([findDomain(toolstack, uuid, directory), readNote(directory)]);
  const note = read?.uuid === uuid ? read : undefined;
  if (domain === undefined && note === undefined) return undefined;
  const known = {
    uuid,
    accelerator: 'xen',
    ...(note === undefined ? {} : { commandLine: note.commandLine }),
    ...(note?.startedAt === undefined ? {} : { startedAt: note.startedAt }),
  };
  if (domain === undefined) return { ...known, state: endOf(note) };
  const ended = domain.shutdown !== undefined || domain.dying;
  return { ...known, ...conditionOf(domain), ...(ended ? { remains: true } : {}) };
}

/**
 * A domain that is gone without having been seen to end was taken away by others, or went down with the host. One that was
 * never made has not failed.
 */
function endOf(note: { readonly ended?: 'Stopped' | 'Crashed'; readonly startedAt?: string } | undefined) {
  return note?.ended ?? (note?.startedAt === undefined ? 'Stopped' : 'Crashed');
}

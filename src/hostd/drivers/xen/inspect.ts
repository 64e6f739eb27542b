import { toProblem } from '../../errors/index.ts';
import { millisSince } from '../common/boot-time.ts';
import type { VmObservation } from '../driver.ts';
import type { XenContext } from './context.ts';
import { readNote } from './domain-record.ts';
import { conditionOf, findDomain } from './domains.ts';
import { connectionProblem } from './vif.ts';

/** See {@link Driver.inspect}. */
export async function inspectVm(
  { toolstack, network, bootTime }: Pick<XenContext, 'toolstack' | 'network' | 'bootTime'>,
  uuid: string,
  directory: string,
): Promise<VmObservation | undefined> {
  const [domain, read] = await Promise.all([
    findDomain(toolstack, uuid, directory, toolstack.recentDomains()),
    readNote(directory),
  ]);
  const note = read?.uuid === uuid ? read : undefined;
  if (domain === undefined && note === undefined) return undefined;
  const known = {
    uuid,
    accelerator: 'xen',
    ...(note === undefined ? {} : { commandLine: note.commandLine }),
    ...(note?.startedAt === undefined ? {} : { startedAt: note.startedAt }),
  };
  if (domain === undefined) return { ...known, state: endOf(note) };
  const condition = conditionOf(domain);
  if (domain.shutdown !== undefined || domain.dying) return { ...known, ...condition, remains: true };
  const bridge = condition.state === 'Running' ? note?.bridge : undefined;
  const lost = bridge === undefined ? undefined : await connectionProblem(network, domain.id, bridge);
  return {
    ...known,
    ...(note?.started === undefined ? {} : { runningForMs: millisSince(note.started, bootTime()) }),
    ...(lost === undefined ? {} : { connected: false, problem: toProblem(lost) }),
    ...condition,
  };
}

/**
 * A domain that is gone without having been seen to end was taken away by others, or went down with the host. One that was
 * never made has not failed.
 */
function endOf(note: { readonly ended?: 'Stopped' | 'Crashed'; readonly startedAt?: string } | undefined) {
  return note?.ended ?? (note?.startedAt === undefined ? 'Stopped' : 'Crashed');
}

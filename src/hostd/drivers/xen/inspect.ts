import { toProblem } from '../../errors/index.ts';
import { millisSince } from '../common/boot-time.ts';
import type { VmObservation } from '../driver.ts';
import type { XenContext } from './context.ts';
import { type DomainRecord, readDomainRecord } from './domain/domain-record.ts';
import { conditionOf, findDomain } from './domain/domains.ts';
import { connectionProblem } from './vif.ts';

/** See {@link Driver.inspect}. */
export async function inspectVm(
  { toolstack, network, bootTime }: Pick<XenContext, 'toolstack' | 'network' | 'bootTime'>,
  uuid: string,
  directory: string,
): Promise<VmObservation | undefined> {
  const [domain, read] = await Promise.all([
    findDomain(toolstack, uuid, directory, toolstack.recentDomains()),
    readDomainRecord(directory),
  ]);
  const record = read?.uuid === uuid ? read : undefined;
  if (domain === undefined && record === undefined) return undefined;
  const known = {
    uuid,
    accelerator: 'xen',
    ...(record === undefined ? {} : { commandLine: record.commandLine }),
    ...(record?.startedAt === undefined ? {} : { startedAt: record.startedAt }),
  };
  if (domain === undefined) return { ...known, state: endOf(record) };
  const condition = conditionOf(domain);
  if (domain.shutdown !== undefined || domain.dying) return { ...known, ...condition, remains: true };
  const bridge = condition.state === 'Running' ? record?.bridge : undefined;
  const lost = bridge === undefined ? undefined : await connectionProblem(network, domain.id, bridge);
  return {
    ...known,
    ...(record?.started === undefined ? {} : { runningForMs: millisSince(record.started, bootTime()) }),
    ...(lost === undefined ? {} : { connected: false, problem: toProblem(lost) }),
    ...condition,
  };
}

/**
 * How a VM without a domain ended. If the driver did not see its end, somebody else removed the domain, or the host went down: it
 * crashed. If its domain was never made, nothing failed.
 */
function endOf(record: DomainRecord | undefined): 'Stopped' | 'Crashed' {
  return record?.ended ?? (record?.startedAt === undefined ? 'Stopped' : 'Crashed');
}

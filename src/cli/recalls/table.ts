import { isTaskProgress } from '../../../controllers/obstacles/reasons.ts';
import { CONDITION_READY, findCondition } from '../../api/conditions.ts';
import type { ServiceDeployment } from '../../api/kinds.ts';
import { own } from '../../base/own.ts';
import { formatTable } from '../table.ts';

const HEADER = ['TASK', 'SERVICE', 'STATE', 'APPLIANCES', 'ANSWER', 'SAVED', 'IMAGE', 'MESSAGE'];
/** Characters of a message that fit into a row. */
const LONGEST_MESSAGE = 100;

/** A row for each service of the tasks: how far its recall, or its deployment, is. */
export function recallTable(tasks: readonly ServiceDeployment[]): string {
  return formatTable(HEADER, tasks.flatMap(rowsOf));
}

function rowsOf({ metadata, spec, status }: ServiceDeployment): string[][] {
  const known = Object.fromEntries((status?.services ?? []).map((service) => [service.name, service]));
  const ready = findCondition(status?.conditions, CONDITION_READY);
  const isQuiet = ready === undefined || ready.status === 'True' || isTaskProgress(ready.reason);
  const message = isQuiet ? '' : shortened(ready.message);
  return spec.services.map(({ name }, at) => {
    const service = own(known, name);
    return [
      metadata.name,
      name,
      service?.state ?? '-',
      `${service?.replicas ?? 0}`,
      `${service?.readyReplicas ?? 0}`,
      service?.savedReplicas === undefined ? '-' : `${service.savedReplicas}`,
      service?.image ?? '-',
      at === 0 ? message : '',
    ];
  });
}

function shortened(text: string): string {
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE - 1)}…`;
}

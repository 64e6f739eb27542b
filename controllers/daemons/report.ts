import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { ApplianceStatus } from '../../src/host/protocol.ts';

type Spec = Pick<VirtualAppliance, 'metadata'>;

/** Whether the daemon has received the present spec. */
export function isReceived({ generation }: ApplianceStatus, { metadata }: Spec): boolean {
  return generation >= (metadata.generation ?? 0);
}

/** Whether the daemon reports on the present spec, and not on the one before it. */
export function isCarriedOut(report: ApplianceStatus, { metadata }: Spec): boolean {
  const { generation, stateGeneration = generation } = report;
  return stateGeneration >= (metadata.generation ?? 0);
}

/** Whether the service answers. */
export function doesAnswer({ answers, serviceState }: ApplianceStatus): boolean {
  return answers ?? serviceState === 'ServiceAvailable';
}

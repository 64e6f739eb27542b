import type { Problem } from '../../host/protocol.ts';
import type { VmObservation } from '../drivers/driver.ts';
import { whyNotRunning } from './observation.ts';
import { askProbe } from './probe.ts';
import type { Scope } from './scope.ts';
import { provisionalPlanOf } from './service.ts';

/** Whether an appliance that was as desired still is. */
export type WatchFinding =
  | { readonly kind: 'well' }
  | { readonly kind: 'serviceSilent' }
  | { readonly kind: 'vmGone'; readonly error: Error };

/** The problem that the hypervisor reports of a VM that runs on; the same one, unchanged, for as long as it lasts. */
export function vmProblem(
  found: VmObservation | undefined,
  before: Problem | undefined,
  retryAt: string,
): Problem | undefined {
  if (found?.problem === undefined) return undefined;
  return before?.reason === found.problem.reason ? before : { ...found.problem, retryAt };
}

/** A cheap look: the service is probed; the agent is asked only where services are probed through it. */
export async function look(
  scope: Scope,
  found: VmObservation | undefined,
  signal: AbortSignal,
): Promise<WatchFinding> {
  const { desired } = scope;
  const running = found?.state === 'Running';
  if (desired.powerState === 'Stopped') return running ? { kind: 'serviceSilent' } : { kind: 'well' };
  if (!running) return { kind: 'vmGone', error: await whyNotRunning(scope, found) };
  // Only the step Network connects it again, and a service that is probed through the agent would still answer.
  if (found.connected === false) return { kind: 'serviceSilent' };
  const { serviceProbe } = await provisionalPlanOf(scope);
  const silent = (await askProbe(scope, serviceProbe, signal)) !== undefined;
  return silent ? { kind: 'serviceSilent' } : { kind: 'well' };
}

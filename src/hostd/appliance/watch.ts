import type { Problem } from '../../host/protocol.ts';
import type { VmObservation } from '../drivers/driver.ts';
import { whyNotRunning } from './observation.ts';
import { askProbe } from './probe.ts';
import type { Scope } from './scope.ts';
import { provisionalPlanOf } from './service.ts';

/** The result of one inspection of an appliance that was as desired. */
export type WatchFinding =
  | { readonly kind: 'well' }
  | { readonly kind: 'serviceSilent' }
  | { readonly kind: 'vmGone'; readonly error: Error };

/** The problem that the hypervisor reports about a running VM; the same object for as long as it lasts. */
export function vmProblem(
  found: VmObservation | undefined,
  before: Problem | undefined,
  retryAt: string,
): Problem | undefined {
  if (found?.problem === undefined) return undefined;
  return before?.reason === found.problem.reason ? before : { ...found.problem, retryAt };
}

/** A cheap inspection: probes the service; uses the agent only where the probe runs in the guest. */
export async function look(
  scope: Scope,
  found: VmObservation | undefined,
  signal: AbortSignal,
): Promise<WatchFinding> {
  const { desired } = scope;
  const running = found?.state === 'Running';
  // A build that is done has its VM off.
  const isOff = desired.powerState !== 'Running' || desired.build !== undefined;
  if (isOff) return running ? { kind: 'serviceSilent' } : { kind: 'well' };
  if (!running) return { kind: 'vmGone', error: await whyNotRunning(scope, found) };
  // Only the step Network connects it again, and a service that is probed through the agent would still answer.
  if (found.connected === false) return { kind: 'serviceSilent' };
  const { serviceProbe } = await provisionalPlanOf(scope);
  const silent = (await askProbe(scope, serviceProbe, signal)) !== undefined;
  return silent ? { kind: 'serviceSilent' } : { kind: 'well' };
}

import { type Condition, type Standing, setCondition, setStanding } from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { ApplianceStatus, Problem } from '../../src/host/protocol.ts';
import { worded } from '../status/bounded-message.ts';

/** What keeps an appliance from being what its spec asks for. `isStalled`: until a person changes something. */
export interface Obstacle {
  readonly reason: string;
  readonly message: string;
  readonly isStalled: boolean;
}

/** What its conditions are made of. */
export interface Circumstances {
  readonly appliance: VirtualAppliance;
  /** Its host's last word on it. */
  readonly report: ApplianceStatus | undefined;
  /** Met before or beside the host: no template, no ConfigMap, refused by the host, … */
  readonly obstacle: Obstacle | undefined;
  /** Set when nobody knows how the appliance is, because its host is away. */
  readonly hostLost: Problem | undefined;
  /** Why it has no host, as placement says. */
  readonly refusal: { readonly reason: string; readonly message: string } | undefined;
  readonly now: number;
}

const PENDING = { reason: 'Pending', message: 'a host is being chosen' };

/** True: a host was chosen for the appliance. */
export const CONDITION_PLACED = 'Placed';

/** Every condition of an appliance, all of them saying one and the same thing. */
export function conditionsOf(circumstances: Circumstances): Condition[] {
  const { appliance, hostLost, now } = circumstances;
  const { generation } = appliance.metadata;
  const standing = standingOf(circumstances);
  const conditions = setStanding(appliance.status?.conditions, standing, generation, now);
  const placed = setCondition(conditions, placedCondition(circumstances), now);
  if (hostLost === undefined && !isStopped(circumstances)) return placed;
  const common = { reason: standing.reason, observedGeneration: generation };
  // Unknown is more honest than False: the VM may well be running. Nothing is done about it either, nor about one
  // that is meant to be stopped.
  const status = hostLost === undefined ? 'False' : 'Unknown';
  const ready = setCondition(placed, { ...common, type: 'Ready', status, message: standing.message }, now);
  return setCondition(ready, { ...common, type: 'Reconciling', status: 'False', message: '' }, now);
}

/** How the appliance stands; the first of these that holds. */
function standingOf(circumstances: Circumstances): Standing {
  const { appliance, report, obstacle, hostLost, refusal } = circumstances;
  if (obstacle !== undefined)
    return { state: obstacle.isStalled ? 'stalled' : 'reconciling', ...worded(obstacle) };
  if (appliance.spec.hostName === undefined) {
    return { state: 'reconciling', ...worded(refusal ?? PENDING) };
  }
  if (hostLost !== undefined) return { state: 'reconciling', ...worded(hostLost) };
  if (report === undefined || report.generation < (appliance.metadata.generation ?? 0)) {
    return { state: 'reconciling', ...awaited(appliance, report) };
  }
  if (report.problem !== undefined) {
    const state = report.problem.retryAt === undefined ? 'stalled' : 'reconciling';
    return { state, ...worded(report.problem) };
  }
  if (isStopped(circumstances))
    return { state: 'reconciling', reason: 'Stopped', message: 'the VM is stopped, as asked' };
  return reachedState(report);
}

function reachedState({ serviceState, accessPoints, steps }: ApplianceStatus): Standing {
  const reason = serviceState;
  if (serviceState === 'ServiceAvailable') {
    const where = accessPoints[0] === undefined ? '' : ` at ${accessPoints[0]}`;
    return { state: 'ready', reason, message: `the service answers${where}` };
  }
  const step = steps.find(({ state }) => state === 'Running');
  const message = step === undefined ? 'its host is at work on it' : `its host is at step ${step.name}`;
  return { state: 'reconciling', reason, message };
}

function awaited({ spec }: VirtualAppliance, report: ApplianceStatus | undefined) {
  return report === undefined
    ? { reason: 'VMUnavailable', message: `host ${spec.hostName} is being told to create the VM` }
    : { reason: 'Updating', message: `host ${spec.hostName} is being told of the change` };
}

function isStopped({ appliance, report, obstacle, hostLost }: Circumstances): boolean {
  if (appliance.spec.powerState !== 'Stopped' || obstacle !== undefined || hostLost !== undefined)
    return false;
  const isCurrent = report !== undefined && report.generation >= (appliance.metadata.generation ?? 0);
  return isCurrent && report.problem === undefined && ['Absent', 'Stopped'].includes(report.vm.state);
}

function placedCondition({ appliance, refusal }: Circumstances) {
  const { hostName } = appliance.spec;
  const common = { type: CONDITION_PLACED, observedGeneration: appliance.metadata.generation };
  if (hostName !== undefined) {
    return { ...common, status: 'True', reason: 'Placed', message: `bound to host ${hostName}` } as const;
  }
  return { ...common, status: 'False', ...worded(refusal ?? PENDING) } as const;
}

/** What is not known, and what is (not) done about it, while the appliance's host does not answer. */
export function lostProblem({ spec }: VirtualAppliance): Problem {
  const { hostName, onHostFailure } = spec;
  const words =
    onHostFailure === 'Stay'
      ? 'the appliance waits for it'
      : `onHostFailure is ${onHostFailure}, which is not supported yet: the appliance waits for it; ` +
        'delete the appliance to have another one made elsewhere';
  const message = `host ${hostName} does not answer, so nobody knows how the VM is: nothing is destroyed, ${words}`;
  return { reason: 'HostUnreachable', message };
}

import {
  CONDITION_PLACED,
  CONDITION_READY,
  CONDITION_RECONCILING,
  type Condition,
  type Summary,
  setCondition,
  setSummary,
} from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { ApplianceStatus } from '../../src/host/protocol.ts';
import { applianceProgress } from '../obstacles/appliances.ts';
import { type Explanation, type Obstacle, summaryOf } from '../obstacles/obstacle.ts';

/** What an appliance's conditions are made from. */
export interface ConditionFacts {
  readonly appliance: VirtualAppliance;
  /** The last report of its host about it. */
  readonly report: ApplianceStatus | undefined;
  /** What is in the way, apart from what the host reports: no template, no ConfigMap, a request that the host refused, … */
  readonly obstacle: Obstacle | undefined;
  /** Set when the state of the appliance is unknown, because its host does not answer. */
  readonly hostLost: Obstacle | undefined;
  /** Why it has no host, according to placement. */
  readonly refusal: Explanation | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Every condition of an appliance; all of them agree with each other. */
export function conditionsOf(facts: ConditionFacts): Condition[] {
  const { appliance, hostLost, now } = facts;
  const { generation } = appliance.metadata;
  const summary = stateOf(facts);
  const conditions = setSummary(appliance.status?.conditions, summary, generation, now);
  const placed = setCondition(conditions, placedCondition(facts), now);
  if (hostLost === undefined && !isStopped(facts)) return placed;
  const common = { reason: summary.reason, observedGeneration: generation };
  // With a lost host Ready is Unknown and not False: the VM may well be running. Reconciling is False, because nothing is done:
  // neither about a lost host, nor about a VM that should be stopped.
  const status = hostLost === undefined ? 'False' : 'Unknown';
  const ready = setCondition(
    placed,
    { ...common, type: CONDITION_READY, status, message: summary.message },
    now,
  );
  return setCondition(ready, { ...common, type: CONDITION_RECONCILING, status: 'False', message: '' }, now);
}

/** The state of the appliance: the first of these that holds. */
function stateOf(facts: ConditionFacts): Summary {
  const { appliance, report, obstacle, hostLost, refusal } = facts;
  const { hostName } = appliance.spec;
  if (obstacle !== undefined) return summaryOf(obstacle);
  if (hostName === undefined) return reconciling(refusal ?? applianceProgress.pending());
  if (hostLost !== undefined) return summaryOf(hostLost);
  if (report === undefined) return reconciling(applianceProgress.requestingVm(hostName));
  if (!isCurrent(facts)) return reconciling(applianceProgress.updating(hostName));
  if (report.problem !== undefined) {
    const { reason, message, retryAt } = report.problem;
    return summaryOf({ reason, message, isStalled: retryAt === undefined });
  }
  if (isStopped(facts)) return reconciling(applianceProgress.stopped());
  return reachedState(report);
}

function reconciling({ reason, message }: Explanation): Summary {
  return { state: 'reconciling', reason, message };
}

function reachedState({ serviceState, accessPoints, steps }: ApplianceStatus): Summary {
  if (serviceState === 'ServiceAvailable')
    return { state: 'ready', ...applianceProgress.available(serviceState, accessPoints[0]) };
  const step = steps.find(({ state }) => state === 'Running');
  return reconciling(applianceProgress.working(serviceState, step?.name));
}

/** Whether the host's report is about the latest spec. */
function isCurrent({ appliance, report }: ConditionFacts): boolean {
  return report !== undefined && report.generation >= (appliance.metadata.generation ?? 0);
}

/** Whether the VM is stopped because the spec says so. */
function isStopped(facts: ConditionFacts): boolean {
  const { appliance, report, obstacle, hostLost } = facts;
  if (appliance.spec.powerState !== 'Stopped' || obstacle !== undefined || hostLost !== undefined)
    return false;
  if (report === undefined || report.problem !== undefined || !isCurrent(facts)) return false;
  return ['Absent', 'Stopped'].includes(report.vm.state);
}

function placedCondition({
  appliance,
  obstacle,
  refusal,
}: ConditionFacts): Omit<Condition, 'lastTransitionTime'> {
  const { hostName } = appliance.spec;
  const common = { type: CONDITION_PLACED, observedGeneration: appliance.metadata.generation };
  if (hostName !== undefined) return { ...common, status: 'True', ...applianceProgress.placed(hostName) };
  const { reason, message } = obstacle ?? refusal ?? applianceProgress.pending();
  return { ...common, status: 'False', reason, message };
}

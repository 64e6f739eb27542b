import {
  CONDITION_AVAILABLE,
  CONDITION_PLACED,
  CONDITION_READY,
  CONDITION_RECONCILING,
  type Condition,
  findCondition,
  type Summary,
  setCondition,
  setSummary,
} from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { ApplianceStatus } from '../../src/host/protocol.ts';
import { doesAnswer, isCarriedOut, isReceived } from '../daemons/report.ts';
import { applianceProgress } from '../obstacles/appliances.ts';
import { type Explanation, type Obstacle, summaryOf } from '../obstacles/obstacle.ts';
import { REASON } from '../obstacles/reasons.ts';

/** What an appliance's conditions are made from. */
export interface ConditionFacts {
  readonly appliance: VirtualAppliance;
  /** The last report of its host about it. */
  readonly report: ApplianceStatus | undefined;
  /** Whether its host answers, and does not have the appliance. */
  readonly isMissing: boolean;
  /** What is in the way, apart from what the host reports: no template, no ConfigMap, a request that the host refused, … */
  readonly obstacle: Obstacle | undefined;
  /** Set when the state of the appliance is unknown, because its host does not answer. */
  readonly hostLost: Obstacle | undefined;
  /** Why it has no host, according to placement. */
  readonly refusal: Explanation | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A condition without the time of its last transition, which follows. */
type Verdict = Omit<Condition, 'lastTransitionTime' | 'type' | 'observedGeneration'>;

/** Every condition of an appliance; all of them agree with each other. */
export function conditionsOf(facts: ConditionFacts): Condition[] {
  const { appliance, hostLost, now } = facts;
  const { generation: observedGeneration } = appliance.metadata;
  const summary = stateOf(facts);
  const { reason, message } = summary;
  const verdicts: [type: string, verdict: Verdict | undefined][] = [
    [CONDITION_PLACED, placed(facts)],
    [CONDITION_AVAILABLE, available(facts, summary)],
  ];
  // With a lost host Ready is Unknown and not False: the VM may well be running. Reconciling is False, because nothing is done:
  // neither about a lost host, nor about a VM that should not run.
  if (hostLost !== undefined || isOff(facts)) {
    const status = hostLost === undefined ? 'False' : 'Unknown';
    verdicts.push([CONDITION_READY, { status, reason, message }]);
    verdicts.push([CONDITION_RECONCILING, { status: 'False', reason, message: '' }]);
  }
  return verdicts.reduce(
    (list, [type, verdict]) =>
      verdict === undefined ? list : setCondition(list, { type, observedGeneration, ...verdict }, now),
    setSummary(appliance.status?.conditions, summary, observedGeneration, now),
  );
}

/** The state of the appliance: the first of these that holds. */
function stateOf(facts: ConditionFacts): Summary {
  const { appliance, report, obstacle, hostLost, refusal } = facts;
  const { hostName } = appliance.spec;
  if (obstacle !== undefined) return summaryOf(obstacle);
  if (hostName === undefined) return reconciling(refusal ?? applianceProgress.pending());
  if (hostLost !== undefined) return summaryOf(hostLost);
  if (report === undefined) return reconciling(applianceProgress.requestingVm(hostName));
  if (!isReceived(report, appliance)) return reconciling(applianceProgress.updating(hostName));
  // What the host reports as a problem is one of the spec before.
  if (!isCarriedOut(report, appliance)) return reconciling(workOn(report, hostName));
  if (report.problem !== undefined) {
    const { reason, message, retryAt } = report.problem;
    return summaryOf({ reason, message, isStalled: retryAt === undefined });
  }
  if (report.build?.state === 'Built') return { state: 'ready', ...applianceProgress.built() };
  if (isOff(facts))
    return reconciling(
      appliance.spec.powerState === 'Suspended'
        ? applianceProgress.suspended(report.vm.state === 'Suspended')
        : applianceProgress.stopped(stopNote(report)),
    );
  const { serviceState, accessPoints, steps } = report;
  if (serviceState !== 'ServiceAvailable' || !doesAnswer(report))
    return reconciling(workOn(report, hostName));
  const note = steps.find(({ state, message }) => state === 'Done' && message !== undefined)?.message;
  return { state: 'ready', ...applianceProgress.available(serviceState, accessPoints[0], note) };
}

function reconciling({ reason, message }: Explanation): Summary {
  return { state: 'reconciling', reason, message };
}

/** What the host is doing. The last state is no reason while something is still to be done: it says that all is. */
function workOn({ serviceState, steps }: ApplianceStatus, host: string): Explanation {
  if (serviceState === 'ServiceAvailable') return applianceProgress.changing(host);
  const step = steps.find(({ state }) => state === 'Running');
  return applianceProgress.working(serviceState, step?.name);
}

/** The states of a VM that does not run, as the spec says. One that does not run stays as it is when it shall be suspended. */
const OFF = {
  Running: [],
  Stopped: ['Absent', 'Stopped'],
  Suspended: ['Absent', 'Stopped', 'Crashed', 'Suspended'],
} as const satisfies Record<
  VirtualAppliance['spec']['powerState'],
  readonly ApplianceStatus['vm']['state'][]
>;

/** Whether the VM does not run because the spec says so. */
function isOff(facts: ConditionFacts): boolean {
  const { appliance, report, obstacle, hostLost } = facts;
  if (obstacle !== undefined || hostLost !== undefined) return false;
  if (report === undefined || report.problem !== undefined || !isCarriedOut(report, appliance)) return false;
  const states: readonly ApplianceStatus['vm']['state'][] = OFF[appliance.spec.powerState];
  return states.includes(report.vm.state);
}

/** What its host says of how the VM was stopped, unless the guest shut itself down. */
function stopNote({ steps }: ApplianceStatus): string | undefined {
  return steps.find(({ name, state }) => name === 'Stop' && state === 'Done')?.message;
}

/** Whether the service answers; undefined when nothing new is known. */
function available(facts: ConditionFacts, { reason, message }: Summary): Verdict | undefined {
  const { appliance, report, isMissing, hostLost } = facts;
  if (hostLost !== undefined)
    return { status: 'Unknown', reason: hostLost.reason, message: hostLost.message };
  if (appliance.spec.hostName === undefined || isMissing) return { status: 'False', reason, message };
  if (report === undefined) {
    const isKnown = findCondition(appliance.status?.conditions, CONDITION_AVAILABLE) !== undefined;
    return isKnown ? undefined : { status: 'False', reason, message };
  }
  if (doesAnswer(report))
    return {
      status: 'True',
      ...applianceProgress.available(REASON.ServiceAvailable, report.accessPoints[0]),
    };
  return { status: 'False', reason, message };
}

function placed({ appliance, obstacle, refusal }: ConditionFacts): Verdict {
  const { hostName } = appliance.spec;
  if (hostName !== undefined) return { status: 'True', ...applianceProgress.placed(hostName) };
  const { reason, message } = obstacle ?? refusal ?? applianceProgress.pending();
  return { status: 'False', reason, message };
}

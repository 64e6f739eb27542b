import { type Clock, instant } from '../../base/clock.ts';
import type { ServiceState, StepName, StepStatus } from '../../host/protocol.ts';
import { SERVICE_STATES, STEP_NAMES } from '../../host/protocol.ts';
import { messageOf } from '../errors/index.ts';
import type { ApplianceRecord } from '../state/record.ts';

/** What of a record changes when something happens to a step. Pure: the caller keeps the record. */
type Change = Pick<ApplianceRecord, 'steps' | 'serviceState' | 'accessPoints'>;

/** The state a service has reached once this step is done, and the most it can have while it is not. */
const REACHED: Partial<Record<StepName, ServiceState>> = {
  Agent: 'VMReady',
  Container: 'ContainerReady',
  Service: 'ServiceAvailable',
};

export function stepFound(record: ApplianceRecord, name: StepName, clock: Clock): Change {
  const known = record.steps.find((step) => step.name === name);
  const fresh = { name, state: 'Done', attempts: 1, startedAt: instant(clock.now()) } as const;
  const seconds = known?.state === 'Running' ? secondsSince(known.startedAt, clock) : (known?.seconds ?? 0);
  return {
    steps: withStep(record.steps, done(known ?? { ...fresh, seconds }, seconds)),
    serviceState: raised(record.serviceState, name),
    accessPoints: record.accessPoints,
  };
}

export function stepStarted(record: ApplianceRecord, name: StepName, clock: Clock): Change {
  const known = record.steps.find((step) => step.name === name);
  const attempts = known === undefined || known.state === 'Done' ? 1 : known.attempts + 1;
  const status: StepStatus = {
    name,
    state: 'Running',
    attempts,
    startedAt: instant(clock.now()),
    seconds: 0,
  };
  const serviceState = lowered(record.serviceState, name);
  // The VM is not running: whatever answered at the service's URL is gone.
  const stopped = name === 'Start' || name === 'Stop';
  const accessPoints = stopped ? [] : record.accessPoints;
  return { steps: withStep(record.steps, status), serviceState, accessPoints };
}

/** @param waitedMs how long the step waited for its turn first: it counts as started only then */
export function stepFinished(record: ApplianceRecord, name: StepName, clock: Clock, waitedMs = 0): Change {
  const steps = record.steps.map((step) => {
    if (step.name !== name) return step;
    const startedAt = instant(Date.parse(step.startedAt) + waitedMs);
    return done({ ...step, startedAt }, secondsSince(startedAt, clock));
  });
  return { steps, serviceState: raised(record.serviceState, name), accessPoints: record.accessPoints };
}

export function stepFailed(record: ApplianceRecord, name: StepName, error: unknown, clock: Clock): Change {
  const known = record.steps.find((step) => step.name === name);
  const startedAt = known?.startedAt ?? instant(clock.now());
  const seconds = secondsSince(startedAt, clock);
  const attempts = known?.attempts ?? 1;
  const status: StepStatus = {
    name,
    state: 'Failed',
    attempts,
    startedAt,
    seconds,
    message: messageOf(error),
  };
  return {
    ...record,
    steps: withStep(record.steps, status),
    serviceState: lowered(record.serviceState, name),
  };
}

/** How often in a row the step has failed. */
export function failuresOf(record: ApplianceRecord, name: StepName): number {
  const step = record.steps.find((each) => each.name === name);
  return step?.state === 'Failed' ? step.attempts : 0;
}

/** The steps as the API shows them: what runs grows. */
export function shownSteps(record: ApplianceRecord, clock: Clock): readonly StepStatus[] {
  return record.steps.map((step) =>
    step.state === 'Running' ? { ...step, seconds: secondsSince(step.startedAt, clock) } : step,
  );
}

function done({ name, attempts, startedAt }: StepStatus, seconds: number): StepStatus {
  return { name, state: 'Done', attempts, startedAt, seconds };
}

function withStep(steps: readonly StepStatus[], status: StepStatus): readonly StepStatus[] {
  const others = steps.filter((step) => step.name !== status.name);
  const order = (step: StepStatus) => STEP_NAMES.indexOf(step.name);
  return [...others, status].sort((a, b) => order(a) - order(b));
}

/** The highest state whose step, and all before it, are done. */
function raised(state: ServiceState, name: StepName): ServiceState {
  const reached = REACHED[name];
  return reached !== undefined && rank(reached) > rank(state) ? reached : state;
}

/** At most the state before the first step that is not done. */
function lowered(state: ServiceState, name: StepName): ServiceState {
  const before = STEP_NAMES.slice(0, STEP_NAMES.indexOf(name)).findLast(
    (each) => REACHED[each] !== undefined,
  );
  const most = name === 'Stop' || before === undefined ? undefined : REACHED[before];
  const limit = most ?? 'VMUnavailable';
  return rank(state) > rank(limit) ? limit : state;
}

function rank(state: ServiceState): number {
  return SERVICE_STATES.indexOf(state);
}

function secondsSince(startedAt: string, clock: Clock): number {
  return Math.max(0, Math.round(clock.now() - Date.parse(startedAt)) / 1000);
}

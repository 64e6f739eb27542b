import { type Clock, instant } from '../../base/clock.ts';
import type { ServiceState, StepName, StepStatus } from '../../host/protocol.ts';
import { SERVICE_STATES, STEP_NAMES } from '../../host/protocol.ts';
import { messageOf } from '../errors/index.ts';
import type { ApplianceRecord } from '../state/record.ts';

/** The fields of a record that change when something happens to a step. All functions here are pure. */
type RecordChange = Pick<ApplianceRecord, 'steps' | 'serviceState'> & ServiceChange;
/** What follows for the service. */
type ServiceChange = Partial<Pick<ApplianceRecord, 'accessPoints' | 'answers' | 'passedProbe'>>;

/** When something happened to a step. */
export type StepTime = {
  /** By the wall clock, as people read it. */
  readonly at: string;
  /** Since the step was last started, in seconds, by the monotonic clock: see {@link StepTimer}. */
  readonly seconds: number;
};

/**
 * Measures the steps of one appliance by the monotonic clock: a wall clock that is set while a step runs changes nothing.
 * Monotonic times have no meaning in another process. So a step that an earlier daemon started, and that the record shows as
 * `Running`, counts from the creation of this timer, that is, from the daemon's restart.
 */
export class StepTimer {
  readonly #clock: Clock;
  readonly #madeAt: number;
  readonly #startedAt = new Map<StepName, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#madeAt = clock.monotonic();
  }

  start(name: StepName): void {
    this.#startedAt.set(name, this.#clock.monotonic());
  }

  /** Since the step was last started, to a millisecond. */
  seconds(name: StepName): number {
    return inSeconds(this.#clock.monotonic() - (this.#startedAt.get(name) ?? this.#madeAt));
  }

  /** Now, for this step. */
  time(name: StepName): StepTime {
    return { at: instant(this.#clock.now()), seconds: this.seconds(name) };
  }
}

/** The steps that begin with a VM that is off, or end with one. */
export const ENDS_VM: ReadonlySet<StepName> = new Set(['Resize', 'Start', 'Stop', 'Suspend']);

/** The steps that are the only one of their plan. */
const ENDS_ALONE: ReadonlySet<StepName> = new Set(['Stop', 'Suspend']);

/** The state a service has reached once this step is done, and the most it can have while it is not. */
const REACHED: Partial<Record<StepName, ServiceState>> = {
  Agent: 'VMReady',
  Container: 'ContainerReady',
  Service: 'ServiceAvailable',
};

export function stepFound(record: ApplianceRecord, name: StepName, { at, seconds }: StepTime): RecordChange {
  const known = record.steps.find((step) => step.name === name);
  const fresh: StepStatus = { name, state: 'Done', attempts: 1, startedAt: at, seconds: 0 };
  const took = known?.state === 'Running' ? seconds : (known?.seconds ?? 0);
  return {
    steps: withStep(record.steps, done(known ?? fresh, took, noteOf(known))),
    ...reached(record, name),
  };
}

export function stepStarted(record: ApplianceRecord, name: StepName, at: string): RecordChange {
  const known = record.steps.find((step) => step.name === name);
  const attempts = known === undefined || known.state === 'Done' ? 1 : known.attempts + 1;
  const status: StepStatus = { name, state: 'Running', attempts, startedAt: at, seconds: 0 };
  const serviceState = lowered(record.serviceState, name);
  // What an earlier stop had to say is not true of the next one.
  const before = name === 'Start' ? record.steps.filter((step) => !ENDS_ALONE.has(step.name)) : record.steps;
  const change = { steps: withStep(before, status), serviceState };
  if (ENDS_VM.has(name)) return { ...change, ...VM_ENDED };
  // It begins with a probe that failed. During all others, what was installed before goes on.
  return name === 'Service' ? { ...change, answers: false } : change;
}

/** The VM does not run: whatever answered at the service's URL is gone. */
export const VM_ENDED = {
  serviceState: 'VMUnavailable',
  accessPoints: [],
  answers: false,
  passedProbe: undefined,
} as const satisfies Partial<RecordChange>;

/** The service did not answer several times in a row. */
export function serviceSilent({ serviceState }: ApplianceRecord): Omit<RecordChange, 'steps'> {
  return { answers: false, serviceState: lowered(serviceState, 'Service') };
}

/**
 * @param seconds since the step was started
 * @param waitedMs how long of that the step waited for its turn first: it counts as started only then
 * @param note what a person should know although the step is done; it stays until the step runs again
 */
export function stepFinished(
  record: ApplianceRecord,
  name: StepName,
  seconds: number,
  waitedMs = 0,
  note?: string,
): RecordChange {
  const steps = record.steps.map((step) => {
    if (step.name !== name) return step;
    const startedAt = instant(Date.parse(step.startedAt) + waitedMs);
    return done({ ...step, startedAt }, inSeconds(seconds * 1000 - waitedMs), note);
  });
  return { steps, ...reached(record, name) };
}

export function stepFailed(
  record: ApplianceRecord,
  name: StepName,
  error: unknown,
  { at, seconds }: StepTime,
): RecordChange {
  const known = record.steps.find((step) => step.name === name);
  const status: StepStatus = {
    name,
    state: 'Failed',
    attempts: known?.attempts ?? 1,
    startedAt: known?.startedAt ?? at,
    seconds: known === undefined ? 0 : seconds,
    message: messageOf(error),
  };
  return {
    steps: withStep(record.steps, status),
    serviceState: lowered(record.serviceState, name),
  };
}

/** How many times in a row the step has failed. */
export function failuresOf(record: ApplianceRecord, name: StepName): number {
  const step = record.steps.find((each) => each.name === name);
  return step?.state === 'Failed' ? step.attempts : 0;
}

/** The steps as the API shows them: the seconds of a running step grow. */
export function shownSteps(record: ApplianceRecord, timer: StepTimer): readonly StepStatus[] {
  return record.steps.map((step) =>
    step.state === 'Running' ? { ...step, seconds: timer.seconds(step.name) } : step,
  );
}

function done({ name, attempts, startedAt }: StepStatus, seconds: number, note?: string): StepStatus {
  return {
    name,
    state: 'Done',
    attempts,
    startedAt,
    seconds,
    ...(note === undefined ? {} : { message: note }),
  };
}

/** The message of a step that failed, or runs, is none of these. */
function noteOf(step: StepStatus | undefined): string | undefined {
  return step?.state === 'Done' ? step.message : undefined;
}

function withStep(steps: readonly StepStatus[], status: StepStatus): readonly StepStatus[] {
  const others = steps.filter((step) => step.name !== status.name);
  const order = (step: StepStatus) => STEP_NAMES.indexOf(step.name);
  return [...others, status].sort((a, b) => order(a) - order(b));
}

/** What follows from the end of a step. */
function reached({ serviceState }: ApplianceRecord, name: StepName): Omit<RecordChange, 'steps'> {
  const state = { serviceState: raised(serviceState, name) };
  return name === 'Service' ? { ...state, answers: true } : state;
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
  const most = ENDS_ALONE.has(name) || before === undefined ? undefined : REACHED[before];
  const limit = most ?? 'VMUnavailable';
  return rank(state) > rank(limit) ? limit : state;
}

function rank(state: ServiceState): number {
  return SERVICE_STATES.indexOf(state);
}

/** Whole milliseconds, as seconds; never negative. */
function inSeconds(ms: number): number {
  return Math.max(0, Math.round(ms)) / 1000;
}

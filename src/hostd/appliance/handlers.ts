import { backoffDelay } from '../../base/backoff.ts';
import { instant, sleep } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import type { DesiredAppliance, StepName } from '../../host/protocol.ts';
import { type HostError, toHostError } from '../errors/index.ts';
import { SLOW_LOOK } from '../errors/slow-look.ts';
import { askService, watchingAnswers } from './answers.ts';
import { pass } from './pass.ts';
import { failuresOf, serviceSilent } from './progress.ts';
import { recordingObserver } from './recording-observer.ts';
import { removeAppliance } from './removal.ts';
import type { Scope } from './scope.ts';
import type { ActiveName, ActiveState, Handler, State, StateContext, StateOf } from './state.ts';
import { vmProblem } from './watch.ts';

/** If a VM ends sooner than this after its start, the pause before the next start grows. */
const QUICK_END_MS = 600_000;

const HANDLERS: { readonly [Name in ActiveName]: Handler<Name> } = {
  deciding: decide,
  loading: load,
  unreadable: waitUnreadable,
  converging: converge,
  watching: watch,
  vmEnded: waitAfterVmEnd,
  waiting: waitAfterStep,
  stalled: waitStalled,
  failed: waitAfterFailure,
  removing: remove,
};

/** Runs the handler of a state and resolves with the next state. Rejects with the signal's reason when it is aborted. */
export function handle(state: ActiveState, context: StateContext, signal: AbortSignal): Promise<State> {
  // The name selects the handler for this state's type; the compiler cannot follow that.
  const handler = HANDLERS[state.name] as Handler<ActiveName>;
  return handler(state, context, signal);
}

async function decide(
  _: State,
  { facts }: StateContext,
): Promise<StateOf<'loading' | 'converging' | 'removing'>> {
  if (facts.deleting) return { name: 'removing' };
  if (facts.desired === undefined) return { name: 'loading' };
  return { name: 'converging', desired: facts.desired };
}

async function load(
  _: State,
  { facts }: StateContext,
  signal: AbortSignal,
): Promise<StateOf<'deciding' | 'unreadable'>> {
  await facts.load();
  // The files may have changed during the read, so the loop reads them again.
  signal.throwIfAborted();
  const isReadable = facts.deleting || facts.desired !== undefined;
  return { name: isReadable ? 'deciding' : 'unreadable' } as const;
}

async function waitUnreadable(
  _: State,
  { host, wake, changed }: StateContext,
  signal: AbortSignal,
): Promise<StateOf<'loading'>> {
  changed();
  await wake.pause(host.pace.watchMs, host.clock, signal);
  return { name: 'loading' };
}

async function converge(
  { desired }: StateOf<'converging'>,
  context: StateContext,
  signal: AbortSignal,
): Promise<StateOf<'watching' | 'waiting' | 'stalled'>> {
  const scope = openScope(context, desired);
  try {
    const failure = await watchingAnswers(scope, context, 'fall', signal, () =>
      passOver(scope, context, signal),
    );
    if (failure !== undefined) {
      return failure.error.kind === 'stalled'
        ? { name: 'stalled', scope, error: failure.error }
        : { name: 'waiting', scope, ...failure };
    }
    context.facts.problem = undefined;
    context.facts.settle();
    await settle(context);
    return { name: 'watching', scope };
  } catch (error) {
    scope.guest.close();
    throw error;
  }
}

/** Runs the steps once; resolves with the failed step, if any, and rejects with any other error. */
async function passOver(
  scope: Scope,
  { facts, log, plan, changed }: StateContext,
  signal: AbortSignal,
): Promise<{ readonly step: StepName; readonly error: HostError } | undefined> {
  let failure: { readonly step: StepName; readonly error: HostError } | undefined;
  const observer = recordingObserver({
    record: facts.record,
    timer: facts.timer,
    log,
    lookAtVm: () => facts.observe(),
    onChange: changed,
    onFailure: ({ name }, error) => {
      failure = { step: name, error };
    },
  });
  try {
    await pass(plan(scope), observer, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (failure === undefined) throw error;
  }
  return failure;
}

/** Inspects the appliance at intervals until something is wrong; a service counts as silent after two failed probes in a row. */
async function watch(
  { scope }: StateOf<'watching'>,
  { host, facts, wake, look, changed }: StateContext,
  signal: AbortSignal,
): Promise<StateOf<'vmEnded' | 'deciding'>> {
  const { clock, pace } = host;
  for (let silences = 0; silences < 2; ) {
    await wake.pause(silences === 0 ? pace.watchMs : pace.pollMs, clock, signal);
    await facts.observe();
    const { vm } = facts.found;
    const finding = await look(scope, vm, signal);
    if (finding.kind === 'vmGone') return { name: 'vmEnded', scope, error: toHostError(finding.error) };
    facts.problem = vmProblem(vm, facts.problem, instant(clock.now() + pace.watchMs));
    silences = finding.kind === 'serviceSilent' ? silences + 1 : 0;
    if (silences === 2) facts.record.update(serviceSilent(facts.record.current));
    changed();
  }
  return { name: 'deciding' };
}

async function waitAfterVmEnd(
  { error }: StateOf<'vmEnded'>,
  context: StateContext,
  signal: AbortSignal,
): Promise<StateOf<'deciding'>> {
  const { host, facts } = context;
  const isQuick = facts.takeRunTime() < QUICK_END_MS;
  facts.quickEnds = isQuick ? facts.quickEnds + 1 : 1;
  const delayMs = backoffDelay(host.pace.backoff, facts.quickEnds, host.random);
  facts.setProblem(error, delayMs);
  await settle(context);
  await sleep(host.clock, delayMs, signal);
  return { name: 'deciding' };
}

async function waitAfterStep(
  { scope, step, error }: StateOf<'waiting'>,
  context: StateContext,
  signal: AbortSignal,
): Promise<StateOf<'deciding'>> {
  const { host, facts, wake } = context;
  const failures = failuresOf(facts.record.current, step);
  const delayMs = backoffDelay(host.pace.backoff, failures, host.random);
  facts.setProblem(error, delayMs);
  await settle(context);
  await watchingAnswers(scope, context, 'both', signal, () => wake.pause(delayMs, host.clock, signal));
  return { name: 'deciding' };
}

/** Retries when the desired state or the VM's state changes, and otherwise after some minutes. */
async function waitStalled(
  { scope, error }: StateOf<'stalled'>,
  context: StateContext,
  signal: AbortSignal,
): Promise<StateOf<'deciding'>> {
  const { host, facts } = context;
  facts.setProblem(error);
  await settle(context);
  const before = facts.found.vm?.state;
  const nextLook = deadlineIn(host.clock, backoffDelay(SLOW_LOOK, 1, host.random));
  await watchingAnswers(scope, context, 'both', signal, async () => {
    while (facts.found.vm?.state === before && !isOver(host.clock, nextLook)) {
      await sleep(host.clock, host.pace.watchMs, signal);
      await settle(context);
    }
  });
  return { name: 'deciding' };
}

/** Pauses first, as the same failure would most likely follow at once. */
async function waitAfterFailure(
  { error }: StateOf<'failed'>,
  context: StateContext,
  signal: AbortSignal,
): Promise<StateOf<'deciding'>> {
  const { host, facts, log, wake, changed } = context;
  const { watchMs } = host.pace;
  log.error({ err: error }, 'the loop of an appliance failed');
  facts.setProblem(toHostError(error), watchMs);
  changed();
  if (facts.desired !== undefined) {
    const scope = openScope(context, facts.desired);
    await askService(scope, signal).finally(() => scope.guest.close());
    changed();
  }
  await wake.pause(watchMs, host.clock, signal);
  return { name: 'deciding' };
}

/** Retries until everything is removed; only closing the runner ends it earlier. */
async function remove(_: State, context: StateContext): Promise<StateOf<'removed'>> {
  const { host, facts, closing, changed, removed } = context;
  const { clock, pace, random } = host;
  for (let failures = 1; ; failures += 1) {
    try {
      const graceful = facts.record.current.serviceState === 'ServiceAvailable';
      await removeAppliance(facts.directory, host, graceful, closing);
      removed();
      return { name: 'removed' };
    } catch (error) {
      closing.throwIfAborted();
      const delayMs = backoffDelay(pace.backoff, failures, random);
      facts.setProblem(toHostError(error), delayMs);
      changed();
      await sleep(clock, delayMs, closing);
    }
  }
}

function openScope({ host, facts }: StateContext, desired: DesiredAppliance): Scope {
  const { directory, record } = facts;
  const guest = host.driver.guest(directory.uuid, directory.path);
  return { host, desired, directory, record, guest, installed: undefined, packageFetch: undefined };
}

/** Inspects the VM and the disk, and publishes the status. */
async function settle({ facts, changed }: StateContext): Promise<void> {
  await facts.observe();
  changed();
}

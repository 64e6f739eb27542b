import { runToEnd } from '../../../base/testing/run-to-end.ts';
import type { StepName } from '../../../host/protocol.ts';
import { HostError } from '../../errors/index.ts';
import { handle } from '../handlers.ts';
import type { Scope } from '../scope.ts';
import type { ActiveState, StateContext } from '../state.ts';
import { RunnerBed, UUID } from './runner-bed.ts';

export const retry = new HostError('Broken', 'it is broken');
export const stalling = new HostError('Wrong', 'it is wrong', { kind: 'stalled' });
export const never = new AbortController().signal;

/** An appliance whose state is prepared; its log then begins empty. */
export async function bedWith(prepare: (bed: RunnerBed, context: StateContext) => unknown = () => undefined) {
  const bed = new RunnerBed();
  const context = bed.context();
  await context.facts.load();
  await prepare(bed, context);
  bed.log.length = 0;
  return { bed, context };
}

/** The scope of a pass over the prepared appliance. */
export function scopeFor({ host, facts }: StateContext): Scope {
  const guest = host.driver.guest(UUID, '/nowhere');
  const { desired, directory, record } = facts;
  if (desired === undefined) throw new Error('nothing is desired');
  return { host, desired, directory, record, guest, installed: undefined, packageFetch: undefined };
}

/** Does what a state does, time passing as soon as nothing else can happen; resolves with what came of it, and when. */
export async function outcomeOf(bed: RunnerBed, state: ActiveState, signal = never) {
  const context = bed.context();
  const { result, tookMs } = await runToEnd(bed.clock, handle(state, context, signal));
  return { next: result, name: result.name, tookMs };
}

/** The state in which its steps are carried out. */
export function converging({ facts }: StateContext): ActiveState {
  if (facts.desired === undefined) throw new Error('nothing is desired');
  return { name: 'converging', desired: facts.desired };
}

/** The state in which it waits to try a failed step again. */
export function waiting(context: StateContext, step: StepName = 'Disk'): ActiveState {
  return { name: 'waiting', scope: scopeFor(context), step, error: retry };
}

import type { Logger } from 'pino';
import type { Wake } from '../../base/wake.ts';
import type { DesiredAppliance, StepName } from '../../host/protocol.ts';
import type { HostError } from '../errors/index.ts';
import type { ApplianceFacts } from './facts.ts';
import type { Step } from './pass.ts';
import type { HostServices, Scope } from './scope.ts';
import type { WatchFinding } from './watch.ts';

/** A state of an appliance's runner, with its data. */
export type State =
  /** Chooses the next state from the facts alone. */
  | { readonly name: 'deciding' }
  /** Reads the appliance's files. */
  | { readonly name: 'loading' }
  /** The files cannot be read: nothing happens until they can. */
  | { readonly name: 'unreadable' }
  /** Runs the steps that are not done. */
  | { readonly name: 'converging'; readonly desired: DesiredAppliance }
  /** The appliance is as desired, and is inspected at intervals. */
  | { readonly name: 'watching'; readonly scope: Scope }
  /** The VM should run, but does not. */
  | { readonly name: 'vmEnded'; readonly scope: Scope; readonly error: HostError }
  /** A step failed and is tried again later. */
  | { readonly name: 'waiting'; readonly scope: Scope; readonly step: StepName; readonly error: HostError }
  /** A step failed in a way that only a change of the desired state can fix. */
  | { readonly name: 'stalled'; readonly scope: Scope; readonly error: HostError }
  /** Something other than a step failed, such as the inspection of the VM. */
  | { readonly name: 'failed'; readonly error: unknown }
  /** Ends the VM and removes everything that belongs to the appliance. */
  | { readonly name: 'removing' }
  /** Nothing is left of the appliance. */
  | { readonly name: 'removed' };

/**
 * The states that may follow each state. In addition, every state but `removed` can be left in two ways: an error that no handler
 * expects leads to `failed`, and an interruption (a new desired state or a deletion) leads to {@link afterInterruption}. Closing the
 * runner ends it in any state.
 */
export const TRANSITIONS = {
  deciding: ['loading', 'converging', 'removing'],
  loading: ['deciding', 'unreadable'],
  unreadable: ['loading'],
  converging: ['watching', 'waiting', 'stalled'],
  watching: ['vmEnded', 'deciding'],
  vmEnded: ['deciding'],
  waiting: ['deciding'],
  stalled: ['deciding'],
  failed: ['deciding'],
  removing: ['removed'],
} as const satisfies Record<ActiveName, readonly State['name'][]>;

/** The context of all state handlers. */
export type StateContext = {
  readonly host: HostServices;
  readonly facts: ApplianceFacts;
  readonly log: Logger;
  /** Ends a pause early: of the states `unreadable`, `watching`, `waiting` and `failed`. */
  readonly wake: Wake;
  /** Aborted when the runner is closed. */
  readonly closing: AbortSignal;
  readonly plan: (scope: Scope) => readonly Step[];
  readonly look: (
    scope: Scope,
    vm: ApplianceFacts['found']['vm'],
    signal: AbortSignal,
  ) => Promise<WatchFinding>;
  /** Publishes the status. */
  readonly changed: () => void;
  readonly removed: () => void;
};

export type ActiveState = Exclude<State, { readonly name: 'removed' }>;
export type ActiveName = ActiveState['name'];
export type StateOf<Name extends State['name']> = Extract<State, { readonly name: Name }>;
export type Handler<Name extends ActiveName> = (
  state: StateOf<Name>,
  context: StateContext,
  /** Aborted by an interruption and by closing. */
  signal: AbortSignal,
) => Promise<StateOf<(typeof TRANSITIONS)[Name][number]>>;

/** Starts a read of the files again, as they may have changed after the read. */
export function afterInterruption({ name }: State): State {
  return name === 'loading' || name === 'unreadable' ? { name: 'loading' } : { name: 'deciding' };
}

/** The scope that a state holds; its guest must be closed when the state is left. */
export function scopeOf(state: State): Scope | undefined {
  return 'scope' in state ? state.scope : undefined;
}

import type { Logger } from 'pino';
import type { Wake } from '../../base/wake.ts';
import type { DesiredAppliance, StepName } from '../../host/protocol.ts';
import type { HostError } from '../errors/index.ts';
import type { ApplianceFacts } from './facts.ts';
import type { Step } from './pass.ts';
import type { HostServices, Scope } from './scope.ts';
import type { WatchFinding } from './watch.ts';

/** What the runner of an appliance does now, with what it needs for it. */
export type State =
  /** Choosing what to do next by the facts alone. */
  | { readonly name: 'deciding' }
  /** Reading the appliance's files. */
  | { readonly name: 'loading' }
  /** Its files cannot be read: nothing is done to it until they can. */
  | { readonly name: 'unreadable' }
  /** Doing the steps that are not done. */
  | { readonly name: 'converging'; readonly desired: DesiredAppliance }
  /** It is as desired, and is looked at from time to time. */
  | { readonly name: 'watching'; readonly scope: Scope }
  /** Its VM, which should run, does not. */
  | { readonly name: 'vmEnded'; readonly scope: Scope; readonly error: HostError }
  /** A step failed and is tried again later. */
  | { readonly name: 'waiting'; readonly scope: Scope; readonly step: StepName; readonly error: HostError }
  /** A step failed in a way that only a change of the desired state can fix. */
  | { readonly name: 'stalled'; readonly scope: Scope; readonly error: HostError }
  /** Something failed that is not a step: looking at the VM, say. */
  | { readonly name: 'failed'; readonly error: unknown }
  /** The VM is ended, and all that belongs to the appliance is removed. */
  | { readonly name: 'removing' }
  /** Nothing is left of it. */
  | { readonly name: 'removed' };

/**
 * The states that may follow each state. Besides, from every state but `removed`: an error that no handler expects leads to
 * `failed`, and an interruption (the desired state changed, or the appliance is to be deleted) to {@link afterInterruption}.
 * Closing the runner ends it in any state.
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

/** What the states work with. */
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

/** Files that are being read are read again: they may have been read before they changed. */
export function afterInterruption({ name }: State): State {
  return name === 'loading' || name === 'unreadable' ? { name: 'loading' } : { name: 'deciding' };
}

/** The pass over the steps, and the guest, that a state goes on with. */
export function scopeOf(state: State): Scope | undefined {
  return 'scope' in state ? state.scope : undefined;
}

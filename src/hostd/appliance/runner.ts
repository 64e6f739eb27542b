import type { Logger } from 'pino';
import { Wake } from '../../base/wake.ts';
import type { ApplianceStatus, DesiredAppliance } from '../../host/protocol.ts';
import type { VmObservation } from '../drivers/driver.ts';
import type { ApplianceDirectory } from '../state/appliance-directory.ts';
import { ApplianceFacts } from './facts.ts';
import { handle } from './handlers.ts';
import { planSteps } from './planner.ts';
import type { HostServices } from './scope.ts';
import { type ActiveState, afterInterruption, type State, type StateContext, scopeOf } from './state.ts';
import { look } from './watch.ts';

export type RunnerEvents = {
  readonly onChange: (runner: ApplianceRunner) => void;
  readonly onGone: (runner: ApplianceRunner) => void;
};

/** What a runner does to its appliance; tests give other things to do. */
type Work = Pick<StateContext, 'plan' | 'look'>;

/**
 * Brings one appliance to its desired state and keeps it there, from its PUT, or the daemon's start, to its end. The
 * states are in `state.ts`, what each does in `handlers.ts`; here is the loop over them, and what may interrupt it.
 */
export class ApplianceRunner {
  readonly uuid: string;
  readonly directory: ApplianceDirectory;
  readonly #facts: ApplianceFacts;
  readonly #context: StateContext;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #wake = new Wake();
  /** Aborts what runs now because what is wanted has changed. The loop replaces it when it has seen that. */
  #interruption = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    directory: ApplianceDirectory,
    host: HostServices,
    events: RunnerEvents,
    work: Work = { plan: planSteps, look },
  ) {
    this.uuid = directory.uuid;
    this.directory = directory;
    this.#log = host.log.child({ appliance: directory.uuid });
    this.#facts = new ApplianceFacts(directory, host, this.#log);
    this.#context = {
      ...work,
      host,
      facts: this.#facts,
      log: this.#log,
      wake: this.#wake,
      closing: this.#closing.signal,
      changed: () => events.onChange(this),
      removed: () => events.onGone(this),
    };
  }

  /** Undefined while nobody can read what this appliance should be. */
  get desired(): DesiredAppliance | undefined {
    return this.#facts.desired;
  }

  get deleting(): boolean {
    return this.#facts.deleting;
  }

  get vm(): VmObservation | undefined {
    return this.#facts.found.vm;
  }

  /** Reads the directory, without starting anything. Never rejects: an error becomes the appliance's problem. */
  load(): Promise<void> {
    return this.#facts.load();
  }

  start(): void {
    this.#running = this.#run();
  }

  /** The desired state was written into the directory: what runs now is abandoned for it. */
  change(desired: DesiredAppliance): void {
    // Without its record, which could not be read either, it is not enough to go on with: both are read again.
    if (this.#facts.desired !== undefined) this.#facts.desired = desired;
    this.#interrupt();
  }

  /** Something elsewhere changed for which this appliance may be waiting. */
  nudge(): void {
    if (this.#facts.problem !== undefined) this.#wake.now();
  }

  /** The request to delete it is on disk: what runs now is abandoned for it. */
  beginDeletion(): void {
    this.#facts.deleting = true;
    this.#interrupt();
  }

  /** Ends the loop, not the VM; resolves when nothing runs any more and the record is safe. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#interruption.abort();
    await this.#running;
    await this.#facts.saved();
  }

  status(): ApplianceStatus {
    return this.#facts.status();
  }

  #interrupt(): void {
    this.#interruption.abort();
    this.#wake.now();
    this.#context.changed();
  }

  async #run(): Promise<void> {
    const { deleting, desired } = this.#facts;
    let state: State = { name: deleting || desired !== undefined ? 'deciding' : 'unreadable' };
    const enter = (next: State): void => {
      if (scopeOf(state) !== scopeOf(next)) scopeOf(state)?.guest.close();
      state = next;
    };
    try {
      while (!this.#closing.signal.aborted && state.name !== 'removed') {
        // Seen here and nowhere else, at once with the facts by which the next state is chosen: so none is lost, be it
        // that it came while a state was being left.
        if (this.#interruption.signal.aborted) {
          this.#interruption = new AbortController();
          enter(afterInterruption(state));
        } else enter(await this.#next(state));
      }
    } finally {
      scopeOf(state)?.guest.close();
    }
  }

  async #next(state: ActiveState): Promise<State> {
    const signal = AbortSignal.any([this.#closing.signal, this.#interruption.signal]);
    try {
      return await handle(state, this.#context, signal);
    } catch (error) {
      // Closed or interrupted: the loop sees which.
      if (signal.aborted) return state;
      // Not even the failure can be reported: that is a bug, and the process ends by it.
      if (state.name === 'failed') throw error;
      return { name: 'failed', error };
    }
  }
}

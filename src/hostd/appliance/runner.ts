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

/** How a runner plans and inspects; tests replace it. */
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
  /** Aborted when the desired state changes, to end the current state. The loop then replaces it. */
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

  /** Undefined while the file with the desired state cannot be read. */
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

  /** The new desired state is on disk: ends the current state to act on it. */
  change(desired: DesiredAppliance): void {
    // While the files cannot be read, the record is missing, too: the loop reads both again.
    if (this.#facts.desired !== undefined) this.#facts.desired = desired;
    this.#interrupt();
  }

  /** Something elsewhere changed for which this appliance may be waiting. */
  nudge(): void {
    if (this.#facts.problem !== undefined) this.#wake.now();
  }

  /** The request to delete the appliance is on disk: ends the current state to act on it. */
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

  /** What a killed daemon left of a fork of its VM: the VM may be paused because of it. */
  async #tidy(): Promise<void> {
    const { uuid, directory } = this;
    try {
      await this.#context.host.driver.checkpoints?.tidy?.({ uuid, directory: directory.path });
    } catch (error) {
      this.#log.warn(
        { err: error },
        'what is left of a fork stays until the next one, or the next start of the VM',
      );
    }
  }

  async #run(): Promise<void> {
    await this.#tidy();
    const { deleting, desired } = this.#facts;
    let state: State = { name: deleting || desired !== undefined ? 'deciding' : 'unreadable' };
    const enter = (next: State): void => {
      if (scopeOf(state) !== scopeOf(next)) scopeOf(state)?.guest.close();
      state = next;
    };
    try {
      while (!this.#closing.signal.aborted && state.name !== 'removed') {
        // Interruptions are handled only here, in the same turn in which the next state is chosen from the facts. So none is lost,
        // not even one that comes between two states.
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
      // Reporting a failure failed: this is a bug, and ends the process.
      if (state.name === 'failed') throw error;
      return { name: 'failed', error };
    }
  }
}

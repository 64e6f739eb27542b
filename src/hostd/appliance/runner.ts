import type { Logger } from 'pino';
import { backoffDelay } from '../../base/backoff.ts';
import { instant, sleep } from '../../base/clock.ts';
import { Wake } from '../../base/wake.ts';
import type { ApplianceStatus, DesiredAppliance, Problem } from '../../host/protocol.ts';
import type { VmObservation } from '../drivers/driver.ts';
import { type HostError, toHostError, toProblem } from '../errors/index.ts';
import type { ApplianceDirectory } from '../state/appliance-directory.ts';
import { emptyRecord } from '../state/record.ts';
import { RecordKeeper } from '../state/record-keeper.ts';
import { type Observation, observe } from './observation.ts';
import { pass, type Step } from './pass.ts';
import { planSteps } from './planner.ts';
import { failuresOf } from './progress.ts';
import { recordingObserver } from './recording-observer.ts';
import { removeAppliance } from './removal.ts';
import type { HostServices, Scope } from './scope.ts';
import { statusOf } from './status.ts';
import { look, vmProblem } from './watch.ts';

export type RunnerEvents = {
  readonly onChange: (runner: ApplianceRunner) => void;
  readonly onGone: (runner: ApplianceRunner) => void;
};

/** A VM that ends sooner than this after its start is started again ever more slowly. */
const QUICK_END_MS = 600_000;

/** Brings one appliance to its desired state and keeps it there, from its PUT, or the daemon's start, to its end. */
export class ApplianceRunner {
  readonly uuid: string;
  readonly directory: ApplianceDirectory;
  readonly #host: HostServices;
  readonly #events: RunnerEvents;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #wake = new Wake();
  #desired: DesiredAppliance | undefined;
  #record: RecordKeeper;
  #problem: Problem | undefined;
  #found: Observation = {};
  #deleting = false;
  #quickEnds = 0;
  /** Aborts what runs now because what is wanted has changed. */
  #current = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(directory: ApplianceDirectory, host: HostServices, events: RunnerEvents) {
    this.uuid = directory.uuid;
    this.directory = directory;
    this.#host = host;
    this.#events = events;
    this.#log = host.log.child({ appliance: directory.uuid });
    this.#record = this.#keep(emptyRecord);
  }

  /** Undefined while nobody can read what this appliance should be. */
  get desired(): DesiredAppliance | undefined {
    return this.#desired;
  }

  get deleting(): boolean {
    return this.#deleting;
  }

  get vm(): VmObservation | undefined {
    return this.#found.vm;
  }

  /** Reads what the directory says, without starting anything: problems become the appliance's, nothing is thrown. */
  async load(): Promise<void> {
    try {
      this.#deleting = await this.directory.isDeletionRequested();
      this.#desired = await this.directory.readDesired();
      this.#record = this.#keep(await this.directory.readRecord());
      const owner = { uuid: this.uuid, label: `appliance ${this.#desired.namespace}/${this.#desired.name}` };
      await this.#host.ports.adopt(owner, this.#record.current.ports);
      this.#problem = undefined;
    } catch (error) {
      this.#desired = undefined;
      this.#setProblem(toHostError(error), this.#host.pace.watchMs);
    }
    await this.#observe().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'the VM cannot be looked at now');
    });
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Takes what was written into the directory; what runs now is abandoned for it. */
  change(desired: DesiredAppliance): void {
    if (this.#desired !== undefined) this.#desired = desired;
    this.#interrupt();
    this.#changed();
  }

  /** Something elsewhere changed for which this appliance may be waiting. */
  nudge(): void {
    if (this.#problem !== undefined) this.#wake.now();
  }

  /** The wish to delete is on disk: what runs now is abandoned for it. */
  beginDeletion(): void {
    this.#deleting = true;
    this.#interrupt();
    this.#changed();
  }

  /** Ends the loop, not the VM; resolves when nothing runs any more and the record is safe. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#current.abort();
    await this.#running;
    // What cannot be written (the disk is full, say) is found out again by looking.
    await this.#record.saved().catch((error: unknown) => this.#unwritten(error));
  }

  status(): ApplianceStatus {
    return statusOf({
      directory: this.directory,
      desired: this.#desired,
      record: this.#record.current,
      deleting: this.#deleting,
      problem: this.#problem,
      found: this.#found,
      clock: this.#host.clock,
    });
  }

  #interrupt(): void {
    this.#current.abort();
    this.#wake.now();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#current = new AbortController();
      const signal = AbortSignal.any([this.#stop.signal, this.#current.signal]);
      try {
        if (this.#deleting) {
          await this.#remove();
          return;
        }
        if (this.#desired === undefined) await this.#reload();
        else await this.#converge(this.#desired, signal);
      } catch (error) {
        // Stopped, or asked for something else: the next round sees what. Anything else is ours to mend.
        if (!signal.aborted) await this.#failed(error);
      }
    }
  }

  /** A failure that is no step's, of looking at the VM, say: it would most likely fail at once again. */
  async #failed(error: unknown): Promise<void> {
    const { watchMs } = this.#host.pace;
    this.#log.error({ err: error }, 'the loop of an appliance failed');
    this.#setProblem(toHostError(error), watchMs);
    this.#changed();
    // Stopped: the loop sees it.
    await this.#pause(watchMs).catch(() => undefined);
  }

  /** Nothing is done to an appliance whose files cannot be read, until they can. */
  async #reload(): Promise<void> {
    this.#changed();
    await this.#pause(this.#host.pace.watchMs);
    await this.load();
  }

  async #converge(desired: DesiredAppliance, signal: AbortSignal): Promise<void> {
    const scope = this.#scope(desired);
    let failure: { step: Step; error: HostError } | undefined;
    try {
      const observer = recordingObserver({
        record: this.#record,
        clock: this.#host.clock,
        log: this.#log,
        lookAtVm: () => this.#observe(),
        onChange: () => this.#changed(),
        onFailure: (step, error) => {
          failure = { step, error };
        },
      });
      await pass(planSteps(scope), observer, signal);
      this.#problem = undefined;
      await this.#settled();
      await this.#watch(scope, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (failure === undefined) throw error;
      await this.#waitAfter(failure.step, failure.error, signal);
    } finally {
      scope.guest.close();
    }
  }

  /** Looks at intervals, until something is not as it should be. */
  async #watch(scope: Scope, signal: AbortSignal): Promise<void> {
    const { clock, pace } = this.#host;
    for (let silences = 0; silences < 2; ) {
      await this.#wake.pause(silences === 0 ? pace.watchMs : pace.pollMs, clock, signal);
      await this.#observe();
      const finding = await look(scope, this.#found.vm, signal);
      if (finding.kind === 'vmGone') return this.#vmEnded(toHostError(finding.error), signal);
      this.#problem = vmProblem(this.#found.vm, this.#problem, instant(clock.now() + pace.watchMs));
      silences = finding.kind === 'serviceSilent' ? silences + 1 : 0;
      this.#changed();
    }
  }

  async #vmEnded(error: HostError, signal: AbortSignal): Promise<void> {
    const { clock, pace, random } = this.#host;
    const startedAt = this.#found.vm?.startedAt;
    const quick = startedAt === undefined || clock.now() - Date.parse(startedAt) < QUICK_END_MS;
    this.#quickEnds = quick ? this.#quickEnds + 1 : 1;
    const delay = backoffDelay(pace.backoff, this.#quickEnds, random);
    this.#setProblem(error, delay);
    await this.#settled();
    await sleep(clock, delay, signal);
  }

  async #waitAfter(step: Step, error: HostError, signal: AbortSignal): Promise<void> {
    const { clock, pace, random } = this.#host;
    if (error.kind === 'stalled') {
      this.#setProblem(error);
      await this.#settled();
      return this.#waitStalled(signal);
    }
    const delay = backoffDelay(pace.backoff, failuresOf(this.#record.current, step.name), random);
    this.#setProblem(error, delay);
    await this.#settled();
    await this.#wake.pause(delay, clock, signal);
  }

  /** Nothing is tried until what is wanted changes; but a VM that ends meanwhile is not overlooked. */
  async #waitStalled(signal: AbortSignal): Promise<void> {
    const { clock, pace } = this.#host;
    const before = this.#found.vm?.state;
    while (this.#found.vm?.state === before) {
      await sleep(clock, pace.watchMs, signal);
      await this.#settled();
    }
  }

  async #remove(): Promise<void> {
    const { clock, pace, random } = this.#host;
    for (let failures = 1; ; failures += 1) {
      try {
        const graceful = this.#record.current.serviceState === 'ServiceAvailable';
        await removeAppliance(this.directory, this.#host, graceful, this.#stop.signal);
        this.#events.onGone(this);
        return;
      } catch (error) {
        this.#stop.signal.throwIfAborted();
        const delay = backoffDelay(pace.backoff, failures, random);
        this.#setProblem(toHostError(error), delay);
        this.#changed();
        await sleep(clock, delay, this.#stop.signal);
      }
    }
  }

  #scope(desired: DesiredAppliance): Scope {
    const { directory } = this;
    const guest = this.#host.driver.guest(this.uuid, directory.path);
    const nothingYet = { installed: undefined, packageFetch: undefined };
    return { host: this.#host, desired, directory, record: this.#record, guest, ...nothingYet };
  }

  /** Looks at the VM and the disk, and tells who listens when that, or anything else, has changed. */
  async #settled(): Promise<void> {
    await this.#observe();
    if (this.#found.vm?.state !== 'Running') {
      this.#record.update({ serviceState: 'VMUnavailable', accessPoints: [] });
    }
    this.#changed();
  }

  async #observe(): Promise<void> {
    this.#found = await observe(this.#host.driver, this.directory);
  }

  #changed(): void {
    this.#events.onChange(this);
  }

  #setProblem(error: HostError, retryInMs?: number): void {
    const { clock } = this.#host;
    this.#problem = toProblem(error, retryInMs === undefined ? undefined : instant(clock.now() + retryInMs));
  }

  #pause(ms: number): Promise<unknown> {
    return this.#wake.pause(ms, this.#host.clock, this.#stop.signal);
  }

  #keep(initial: RecordKeeper['current']): RecordKeeper {
    const write = (record: RecordKeeper['current']) => this.directory.writeRecord(record);
    return new RecordKeeper({ initial, write, onError: (error) => this.#unwritten(error) });
  }

  #unwritten(error: unknown): void {
    this.#log.warn({ err: error }, 'the record could not be written; the next change writes it again');
  }
}

import type { Logger } from 'pino';
import { instant } from '../../base/clock.ts';
import type { ApplianceStatus, DesiredAppliance, Problem } from '../../host/protocol.ts';
import { type HostError, toHostError, toProblem } from '../errors/index.ts';
import type { ApplianceDirectory } from '../state/appliance-directory.ts';
import { type ApplianceRecord, emptyRecord } from '../state/record.ts';
import { RecordKeeper } from '../state/record-keeper.ts';
import { digest } from './digest.ts';
import { type Observation, observe } from './observation.ts';
import { StepTimer, VM_ENDED } from './progress.ts';
import type { HostServices } from './scope.ts';
import { statusOf } from './status.ts';
import { sizeOf } from './steps/size.ts';

/** All that changes about one appliance while its runner lives; what each state of the runner reads and writes. */
export class ApplianceFacts {
  readonly directory: ApplianceDirectory;
  readonly timer: StepTimer;
  readonly #host: HostServices;
  readonly #log: Logger;
  /** Undefined while its file cannot be read. */
  desired: DesiredAppliance | undefined;
  record: RecordKeeper;
  problem: Problem | undefined;
  found: Observation = {};
  /** Never set back: a deletion cannot be withdrawn. */
  deleting = false;
  /** How many times in a row the VM ended soon after its start. */
  quickEnds = 0;
  /** Monotonic time of the start of the VM that was last seen to run. */
  #vmStartedAt: number | undefined;
  /** The digest of the last desired state, which every status needs. */
  #digested: { readonly desired: DesiredAppliance; readonly digest: string } | undefined;

  constructor(directory: ApplianceDirectory, host: HostServices, log: Logger) {
    this.directory = directory;
    this.timer = new StepTimer(host.clock);
    this.#host = host;
    this.#log = log;
    this.record = this.#keep(emptyRecord);
  }

  /** Reads the directory and looks at the VM. Never rejects: an error becomes the appliance's problem. */
  async load(): Promise<void> {
    const { directory } = this;
    try {
      if (await directory.isDeletionRequested()) this.deleting = true;
      this.desired = await directory.readDesired();
      this.record = this.#keep(await directory.readRecord());
      const { started, size } = this.record.current;
      // An older daemon never changed the size of a VM.
      if (started && size === undefined) this.record.update({ size: sizeOf(this.desired) });
      const owner = {
        uuid: directory.uuid,
        namespace: this.desired.namespace,
        label: `appliance ${this.desired.namespace}/${this.desired.name}`,
      };
      await this.#host.ports.adopt(owner, this.record.current.ports);
      this.problem = undefined;
    } catch (error) {
      this.desired = undefined;
      this.setProblem(toHostError(error), this.#host.pace.watchMs);
    }
    await this.observe().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'the VM cannot be inspected now');
    });
  }

  /** Looks at the VM and the disk. Nothing answers in a VM that does not run, whatever the record says. */
  async observe(): Promise<void> {
    const before = this.found.vm;
    this.found = await observe(this.#host.driver, this.directory);
    const { vm } = this.found;
    if (vm?.state !== 'Running') return this.record.update(VM_ENDED);
    const now = this.#host.clock.monotonic();
    if (vm.runningForMs !== undefined) this.#vmStartedAt = now - vm.runningForMs;
    // The driver does not know the time: count from the moment at which the VM was first seen.
    else if (before?.state !== 'Running' || before.startedAt !== vm.startedAt) this.#vmStartedAt = now;
  }

  /**
   * Milliseconds since the start of the VM that ended; 0 when it was never seen to run. Clears the time: a next VM that ends before
   * it is seen to run must not get the time of this one.
   */
  takeRunTime(): number {
    const startedAt = this.#vmStartedAt;
    this.#vmStartedAt = undefined;
    return startedAt === undefined ? 0 : this.#host.clock.monotonic() - startedAt;
  }

  /** @param retryInMs undefined: nothing is retried until the desired state changes */
  setProblem(error: HostError, retryInMs?: number): void {
    const { clock } = this.#host;
    this.problem = toProblem(error, retryInMs === undefined ? undefined : instant(clock.now() + retryInMs));
    this.settle();
  }

  /** The steps of the desired state were carried out, or one failed: from now on the record speaks of that state. */
  settle(): void {
    const { desired } = this;
    if (desired === undefined) return;
    this.record.update({ settled: { generation: desired.generation, digest: this.#digestOf(desired) } });
  }

  status(): ApplianceStatus {
    const { current } = this.record;
    return statusOf({ ...this, record: current, stateGeneration: this.#stateGeneration(current) });
  }

  /** Resolves when the record is on disk. Also when it cannot be written: the next daemon inspects the host anyway. */
  async saved(): Promise<void> {
    await this.record.saved().catch((error: unknown) => this.#unwritten(error));
  }

  /** The generation that the record speaks of: an earlier one while the content of the present one is not carried out. */
  #stateGeneration({ settled }: ApplianceRecord): number {
    const { desired } = this;
    if (settled === undefined) return 0;
    if (desired === undefined) return settled.generation;
    const isCarriedOut = settled.digest === this.#digestOf(desired);
    return isCarriedOut ? desired.generation : Math.min(settled.generation, desired.generation - 1);
  }

  #digestOf(desired: DesiredAppliance): string {
    if (this.#digested?.desired !== desired) this.#digested = { desired, digest: digest(desired) };
    return this.#digested.digest;
  }

  #keep(initial: RecordKeeper['current']): RecordKeeper {
    const write = (record: RecordKeeper['current']) => this.directory.writeRecord(record);
    return new RecordKeeper({ initial, write, onError: (error) => this.#unwritten(error) });
  }

  #unwritten(error: unknown): void {
    this.#log.warn({ err: error }, 'the record could not be written; the next change writes it again');
  }
}

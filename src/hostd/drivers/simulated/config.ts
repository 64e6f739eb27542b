import { type Clock, sleep } from '../../../base/clock.ts';
import { HostError } from '../../errors/index.ts';
import { type BootTime, createBootClock } from '../common/boot-time.ts';

/** The steps that can be slow or fail in a simulation. */
export type SimulatedStep =
  | 'convert'
  | 'overlay'
  | 'clone'
  | 'start'
  | 'agent'
  | 'container'
  | 'exec'
  | 'writeFile'
  | 'service'
  | 'shutdown';

export type SimulatedFailure = {
  readonly step: SimulatedStep;
  /** Fails only if this text occurs in the VM's domain, the program's arguments or the file's path; always by default. */
  readonly of?: string;
  /** How often it fails before it works; for ever by default. */
  readonly times?: number;
  readonly message: string;
  /** Hangs until its caller's time limit, or for ever, before it fails. */
  readonly hangs?: boolean;
};

export type SimulatedConfig = {
  readonly clock: Clock;
  /** How many VMs are created at once; 1 by default, as with Xen. */
  readonly creationConcurrency?: number;
  /** Milliseconds that each step takes. */
  readonly times?: Partial<Record<SimulatedStep, number>>;
  readonly failures?: readonly SimulatedFailure[];
  readonly machine?: SimulatedMachine;
};

/** The simulated machine: as large as the real one, and without load, unless told otherwise. */
export type SimulatedMachine = {
  readonly cpuMillis?: number;
  readonly memoryBytes?: number;
  /** What others than the daemon's VMs use of it. */
  readonly foreign?: { readonly cpuMillis?: number; readonly memoryBytes?: number };
};

const FOR_EVER_MS = 86_400_000;

/** As measured with Xen and the papers' templates, rounded. */
const DEFAULT_TIMES: Readonly<Record<SimulatedStep, number>> = {
  convert: 500,
  overlay: 20,
  clone: 8000,
  start: 2500,
  agent: 300,
  container: 0,
  exec: 20,
  writeFile: 20,
  service: 200,
  shutdown: 500,
};

/** Waits for the time that steps take, and makes them fail as configured. */
export class Simulation {
  readonly clock: Clock;
  /** The clock of everything that is kept in files, and so outlives the daemon. */
  readonly bootTime: () => BootTime;
  readonly creationConcurrency: number;
  readonly machine: SimulatedMachine;
  readonly #times: Readonly<Record<SimulatedStep, number>>;
  readonly #failures: { readonly failure: SimulatedFailure; left: number }[];

  constructor(config: SimulatedConfig) {
    this.clock = config.clock;
    this.bootTime = createBootClock(config.clock);
    this.creationConcurrency = config.creationConcurrency ?? 1;
    this.machine = config.machine ?? {};
    this.#times = { ...DEFAULT_TIMES, ...config.times };
    this.#failures = (config.failures ?? []).map((failure) => ({ failure, left: failure.times ?? Infinity }));
  }

  /** How long a step takes, in milliseconds. */
  timeOf(step: SimulatedStep): number {
    return this.#times[step];
  }

  /** Waits for the step's time, then throws if the step is to fail. `limitMs` is the caller's time limit. */
  async spend(
    step: SimulatedStep,
    subject: string,
    signal?: AbortSignal,
    limitMs = FOR_EVER_MS,
  ): Promise<void> {
    const failure = this.#take(step, subject);
    await sleep(this.clock, failure?.hangs === true ? limitMs : this.timeOf(step), signal);
    if (failure !== undefined) throw new HostError('SimulatedFailure', failure.message);
  }

  /** The message of the failure that is due now; undefined when none is. */
  failureOf(step: SimulatedStep, subject: string): string | undefined {
    return this.#take(step, subject)?.message;
  }

  #take(step: SimulatedStep, subject: string): SimulatedFailure | undefined {
    const due = this.#failures.find(
      ({ failure, left }) => left > 0 && failure.step === step && subject.includes(failure.of ?? ''),
    );
    if (due !== undefined) due.left -= 1;
    return due?.failure;
  }
}

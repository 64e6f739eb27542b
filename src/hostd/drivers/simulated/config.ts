import { type Clock, sleep } from '../../../base/clock.ts';
import { HostError } from '../../errors/index.ts';
import { type BootTime, createBootClock } from '../common/boot-time.ts';

/** What a simulated VM can be slow at, or fail at. */
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
  /** Only where this occurs: in the VM's domain, the program's arguments or the file's path; everywhere without. */
  readonly of?: string;
  /** How often it fails before it works; for ever without. */
  readonly times?: number;
  readonly message: string;
  /** It does not fail but takes for ever, or as long as its caller waits. */
  readonly hangs?: boolean;
};

export type SimulatedConfig = {
  readonly clock: Clock;
  /** How many VMs are created at once; 1, as Xen does it, without. */
  readonly creationConcurrency?: number;
  /** Milliseconds that each step takes. */
  readonly times?: Partial<Record<SimulatedStep, number>>;
  readonly failures?: readonly SimulatedFailure[];
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

/** Spends the time that steps take, and fails them as told. */
export class Simulation {
  readonly clock: Clock;
  /** The clock of everything that is kept in files, and so outlives the daemon. */
  readonly bootTime: () => BootTime;
  readonly creationConcurrency: number;
  readonly #times: Readonly<Record<SimulatedStep, number>>;
  readonly #failures: { readonly failure: SimulatedFailure; left: number }[];

  constructor(config: SimulatedConfig) {
    this.clock = config.clock;
    this.bootTime = createBootClock(config.clock);
    this.creationConcurrency = config.creationConcurrency ?? 1;
    this.#times = { ...DEFAULT_TIMES, ...config.times };
    this.#failures = (config.failures ?? []).map((failure) => ({ failure, left: failure.times ?? Infinity }));
  }

  /** Milliseconds. */
  timeOf(step: SimulatedStep): number {
    return this.#times[step];
  }

  /** Takes the step's time, then fails if it shall. `limitMs` is how long the caller waits. */
  async spend(step: SimulatedStep, who: string, signal?: AbortSignal, limitMs = FOR_EVER_MS): Promise<void> {
    const told = this.#take(step, who);
    await sleep(this.clock, told?.hangs === true ? limitMs : this.timeOf(step), signal);
    if (told !== undefined) throw new HostError('SimulatedFailure', told.message);
  }

  /** The words of a failure that this shall have now. */
  failureOf(step: SimulatedStep, who: string): string | undefined {
    return this.#take(step, who)?.message;
  }

  #take(step: SimulatedStep, who: string): SimulatedFailure | undefined {
    const told = this.#failures.find(
      ({ failure, left }) => left > 0 && failure.step === step && who.includes(failure.of ?? ''),
    );
    if (told !== undefined) told.left -= 1;
    return told?.failure;
  }
}

import { pino } from 'pino';
import type { Clock } from '../../../base/clock.ts';
import { createFakeClock, settle } from '../../../base/testing/fake-clock.ts';
import { Wake } from '../../../base/wake.ts';
import type { DesiredAppliance, StepName } from '../../../host/protocol.ts';
import type { VmObservation } from '../../drivers/driver.ts';
import type { ApplianceDirectory } from '../../state/appliance-directory.ts';
import { type ApplianceRecord, emptyRecord } from '../../state/record.ts';
import { ApplianceFacts } from '../facts.ts';
import type { Step } from '../pass.ts';
import { ApplianceRunner, type RunnerEvents } from '../runner.ts';
import type { HostServices, Pace } from '../scope.ts';
import type { StateContext } from '../state.ts';
import type { WatchFinding } from '../watch.ts';

export const UUID = '11111111-2222-3333-4444-555555555555';

export const PACE: Pace = {
  ...{ watchMs: 5000, pollMs: 100, questionMs: 2000, shutdownMs: 30_000, containerMs: 60_000 },
  backoff: { initialMs: 1000, maxMs: 60_000 },
};

export function desiredAppliance(generation = 1): DesiredAppliance {
  return {
    ...{ uuid: UUID, generation, namespace: 'default', name: 'web-0', powerState: 'Running' },
    layer: 'a'.repeat(64),
    boot: { kind: 'firmware' },
    disk: { mode: 'Incremental' },
    resources: { cpuMillis: 100, memoryBytes: 1 },
    network: { mode: 'user', ports: [] },
    service: { name: 'web', container: { type: 'static-site', port: 80 }, parameters: {} },
    ...{ agentTimeoutSeconds: 1, serviceTimeoutSeconds: 1 },
  };
}

/** A runner with fakes for everything outside it: files, VM, steps and inspections. Time stands still. */
export class RunnerBed {
  readonly clock = createFakeClock();
  readonly host: HostServices;
  readonly #seenClock: Clock;
  /** The calls, in order. */
  readonly log: string[] = [];
  /** The content of the appliance's directory; an error means that the file cannot be read. */
  files = { desired: desiredAppliance() as DesiredAppliance | Error, deletion: false, record: emptyRecord };
  vm: VmObservation | undefined = { uuid: UUID, state: 'Running', runningForMs: 0 };
  /** The error of inspections of the VM. */
  inspectError: Error | undefined;
  /** Called before each inspection of the VM. */
  onInspect: () => void = () => undefined;
  /** Errors of the next attempts to end the VM. */
  destroyErrors: Error[] = [];
  /** The steps' work, by name. */
  steps: Partial<Record<StepName, (signal: AbortSignal) => Promise<void>>> = {};
  /** Findings of the next inspections; by default all is well. */
  findings: WatchFinding[] = [];
  /** Rejects when the service does not answer. */
  probe: () => Promise<void> = async () => undefined;
  openGuests = 0;
  readonly #stop = new AbortController();
  #context: StateContext | undefined;

  /** @param wrap makes the clock that the runner sees of the one that the test moves */
  constructor(wrap: (clock: Clock) => Clock = (clock) => clock) {
    this.#seenClock = wrap(this.clock);
    this.host = this.#createHost();
  }

  readonly directory = {
    uuid: UUID,
    path: '/nowhere/appliance',
    diskPath: '/nowhere/appliance/disk.qcow2',
    dataDiskPath: '/nowhere/appliance/data.qcow2',
    isDeletionRequested: async () => this.files.deletion,
    readDesired: async () => {
      const { desired } = this.files;
      this.log.push('load');
      await settle();
      if (desired instanceof Error) throw desired;
      return desired;
    },
    readRecord: async () => this.files.record,
    writeRecord: async (record: ApplianceRecord) => {
      this.files.record = record;
    },
    remove: async () => void this.log.push('remove'),
  } as unknown as ApplianceDirectory;

  readonly work: Pick<StateContext, 'plan' | 'look'> = {
    plan: ({ desired }) => {
      this.log.push(`plan ${desired.generation}`);
      return Object.entries(this.steps).map(([name, run]): Step => {
        return { name: name as StepName, isDone: async () => false, run };
      });
    },
    look: async () => {
      this.log.push('look');
      return this.findings.shift() ?? { kind: 'well' };
    },
  };

  /** For one state's handler, without a runner. */
  context(): StateContext {
    this.#context ??= {
      ...this.work,
      host: this.host,
      log: this.host.log,
      facts: new ApplianceFacts(this.directory, this.host, this.host.log),
      wake: new Wake(),
      closing: this.#stop.signal,
      changed: () => void this.log.push('changed'),
      removed: () => void this.log.push('removed'),
    };
    return this.#context;
  }

  /** Ends what `context` was given to. */
  stop(): void {
    this.#stop.abort(new Error('closed'));
  }

  runner(events: Partial<RunnerEvents> = {}): ApplianceRunner {
    const onGone = () => void this.log.push('removed');
    return new ApplianceRunner(
      this.directory,
      this.host,
      { onChange: () => undefined, onGone, ...events },
      this.work,
    );
  }

  /** Resolves once everything that runs waits for time to pass. */
  async paused(): Promise<void> {
    while (this.clock.timers === 0) await settle();
  }

  /** Lets time pass, then waits until everything pauses again. */
  async pass(ms: number): Promise<void> {
    await this.paused();
    await this.clock.advance(ms);
    await this.paused();
  }

  #createHost(): HostServices {
    return {
      clock: this.#seenClock,
      random: () => 1,
      pace: PACE,
      log: pino({ level: 'silent' }),
      ports: { adopt: async () => undefined, release: async () => undefined },
      driver: {
        inspect: async () => {
          this.onInspect();
          if (this.inspectError !== undefined) throw this.inspectError;
          return this.vm;
        },
        destroy: async () => {
          const error = this.destroyErrors.shift();
          if (error !== undefined) throw error;
          this.log.push('destroy');
        },
        shutdown: async () => true,
        prober: { tcp: () => this.probe() },
        guest: () => {
          this.openGuests += 1;
          const close = () => {
            this.openGuests -= 1;
          };
          return { close };
        },
      },
    } as unknown as HostServices;
  }
}

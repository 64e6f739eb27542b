import { isDeepStrictEqual } from 'node:util';
import type PQueue from 'p-queue';
import type { Logger } from 'pino';
import type { HostStatus, Problem } from '../host/protocol.ts';
import type { ApplianceManager } from './appliance/manager.ts';
import { Wake } from './appliance/wake.ts';
import { type Clock, instant } from './clock.ts';
import type { Driver, DriverInfo } from './drivers/driver.ts';
import { hostErrors, toProblem } from './errors.ts';
import type { HostUse } from './host-use.ts';
import type { LayerStore } from './layers/store.ts';

export type HostOptions = {
  readonly name: string;
  readonly version: string;
  readonly stateDirectory: string;
  readonly startedAt: number;
  readonly driver: Driver;
  readonly info: DriverInfo;
  readonly use: HostUse;
  readonly layers: LayerStore;
  readonly appliances: ApplianceManager;
  readonly creation: PQueue;
  readonly clock: Clock;
  readonly measureMs: number;
  readonly onChange: (status: HostStatus) => void;
  readonly log: Logger;
};

/** Below this share of the disk's space that is free, people are told. */
const PRESSURE_SHARE = 0.1;

/** A host that changed is measured anew after so long: a task that is removed is many appliances that go. */
const GATHER_MS = 500;

/** The host as a whole: measured at intervals, and told when something about it changed. */
export class Host {
  readonly #options: HostOptions;
  readonly #stop = new AbortController();
  readonly #wake = new Wake();
  #info: DriverInfo;
  #measured: Pick<HostStatus, 'capacity' | 'used'> | undefined;
  #foreignVms: readonly string[] = [];
  #told: HostStatus | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: HostOptions) {
    this.#options = options;
    this.#info = options.info;
  }

  /** Measures once, then at intervals. */
  async start(): Promise<void> {
    await this.#measure();
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** VMs are gone: whoever waits for their room must not wait for the next measurement. */
  measureSoon(): void {
    this.#wake.now();
  }

  /** Undefined until it was measured once. */
  status(): HostStatus | undefined {
    const { name, version, startedAt, layers, appliances, creation } = this.#options;
    if (this.#measured === undefined) return undefined;
    const { creationConcurrency, warnings: _, ...driver } = this.#info;
    return {
      name,
      daemonVersion: version,
      driver,
      ...this.#measured,
      layers: layers.list(),
      queue: { waiting: creation.size, running: creation.pending, concurrency: creationConcurrency },
      appliances: appliances.count,
      problems: this.#problems(this.#measured),
      foreignVms: this.#foreignVms,
      startedAt: instant(startedAt),
    };
  }

  #problems({ capacity, used }: Pick<HostStatus, 'capacity' | 'used'>): readonly Problem[] {
    const { warnings = [] } = this.#info;
    const free = capacity.diskBytes - used.diskBytes;
    if (free >= capacity.diskBytes * PRESSURE_SHARE) return warnings;
    const pressure = hostErrors.diskPressure(this.#options.stateDirectory, free, capacity.diskBytes);
    return [toProblem(pressure), ...warnings];
  }

  async #run(): Promise<void> {
    const { clock, measureMs, log } = this.#options;
    const stop = this.#stop.signal;
    const gatherMs = Math.min(GATHER_MS, measureMs / 2);
    while (!stop.aborted) {
      try {
        await this.#wake.pause(measureMs - gatherMs, clock, stop);
        await clock.sleep(gatherMs, stop);
        await this.#measure();
      } catch (error) {
        if (!stop.aborted) log.warn({ err: error }, 'the host could not be measured');
      }
    }
  }

  async #measure(): Promise<void> {
    const { driver, onChange } = this.#options;
    // A host may be mended, or broken, while its daemon runs: a program installed, a bridge taken away.
    this.#info = await driver.probe();
    await this.#look();
    const status = this.status();
    if (status === undefined || isDeepStrictEqual(status, this.#told)) return;
    this.#told = status;
    onChange(status);
  }

  async #look(): Promise<void> {
    const { driver, use, appliances, stateDirectory } = this.#options;
    const works = this.#info.problem === undefined;
    if (works) this.#foreignVms = await driver.foreignVms(stateDirectory);
    this.#measured = await use.measure(appliances.vms(), works ? driver.measure : undefined);
  }
}

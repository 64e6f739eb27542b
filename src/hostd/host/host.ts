import { isDeepStrictEqual } from 'node:util';
import type PQueue from 'p-queue';
import type { Logger } from 'pino';
import { type Clock, instant, sleep } from '../../base/clock.ts';
import { Wake } from '../../base/wake.ts';
import type { HostStatus, Problem } from '../../host/protocol.ts';
import type { Driver, DriverInfo, VmObservation } from '../drivers/driver.ts';
import { hostErrors, toProblem } from '../errors/index.ts';
import type { ImportStore } from '../imports/import-store.ts';
import type { SharedDirectory } from '../layers/shared/shared-directory.ts';
import type { LayerStore } from '../layers/store.ts';
import type { UploadStore } from '../uploads/upload-store.ts';
import type { HostUse, Use } from './host-use.ts';

export type HostOptions = {
  readonly name: string;
  readonly version: string;
  readonly stateDirectory: string;
  readonly startedAt: number;
  readonly driver: Driver;
  readonly info: DriverInfo;
  readonly use: HostUse;
  readonly imports: ImportStore;
  readonly layers: LayerStore;
  readonly uploads: Pick<UploadStore, 'list'>;
  /** What becomes layers; asked for each status. */
  readonly seals: { list(): HostStatus['seals'] };
  /** The appliances of this host: how many there are, and their VMs. */
  readonly appliances: { readonly count: number; vms(): readonly VmObservation[] };
  readonly creation: PQueue;
  /** The directory that it shares with other hosts. */
  readonly shared?: Pick<SharedDirectory, 'id' | 'problem'> | undefined;
  /** Bytes of the disk that no new file may take. */
  readonly reserveBytes: number;
  readonly portSpace: string | undefined;
  readonly clock: Clock;
  readonly measureMs: number;
  readonly onChange: (status: HostStatus) => void;
  readonly log: Logger;
};

/** When less than this share of the disk is free, the host reports disk pressure. */
const PRESSURE_SHARE = 0.1;

/** How long after a change the host is measured again: the removal of one task is the removal of many appliances. */
const GATHER_MS = 500;

/** A busy host is measured this many times as often: a task may be waiting for it to become free. */
const LOOKS = 5;
/** Shares of the host's CPU: above the first it is busy; a fall by the second since the last report counts as freer. */
const BUSY = 0.5;
const FREER = 0.25;

/** The host as a whole: measured at intervals, and published when something about it changed. */
export class Host {
  readonly #options: HostOptions;
  readonly #stop = new AbortController();
  readonly #wake = new Wake();
  #info: DriverInfo;
  #measured: Use | undefined;
  #foreignVms: readonly string[] = [];
  #published: HostStatus | undefined;
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

  /** VMs are gone: a task that waits for their room should not have to wait for the next measurement. */
  measureSoon(): void {
    this.#wake.now();
  }

  /** Undefined until the first measurement. */
  status(): HostStatus | undefined {
    const {
      name,
      version,
      startedAt,
      imports,
      layers,
      seals,
      uploads,
      appliances,
      creation,
      reserveBytes,
      portSpace,
      shared,
    } = this.#options;
    if (this.#measured === undefined) return undefined;
    const { creationConcurrency, warnings: _, ...driver } = this.#info;
    return {
      name,
      daemonVersion: version,
      driver,
      ...this.#measured,
      diskReserveBytes: reserveBytes,
      ...(portSpace === undefined ? {} : { portSpace }),
      ...(shared?.id === undefined || shared.problem !== undefined ? {} : { sharedDirectory: shared.id }),
      imports: imports.list(),
      layers: layers.list(),
      seals: seals.list(),
      queue: { waiting: creation.size, running: creation.pending, concurrency: creationConcurrency },
      appliances: appliances.count,
      problems: this.#problems(this.#measured),
      foreignVms: this.#foreignVms,
      uploads: uploads.list(),
      startedAt: instant(startedAt),
    };
  }

  #problems({ capacity, used }: Use): readonly Problem[] {
    const { problem } = this.#options.shared ?? {};
    const warnings = [...(this.#info.warnings ?? []), ...(problem === undefined ? [] : [toProblem(problem)])];
    const free = capacity.diskBytes - used.diskBytes;
    if (free >= capacity.diskBytes * PRESSURE_SHARE) return warnings;
    const pressure = hostErrors.diskPressure(this.#options.stateDirectory, free, capacity.diskBytes);
    return [toProblem(pressure), ...warnings];
  }

  async #run(): Promise<void> {
    const { clock, measureMs, log } = this.#options;
    const stop = this.#stop.signal;
    const gatherMs = Math.min(GATHER_MS, measureMs / LOOKS / 2);
    for (let looks = 1; !stop.aborted; looks += 1) {
      try {
        const isBusy = this.#isBusy();
        const woken = await this.#wake.pause(
          (isBusy ? measureMs / LOOKS : measureMs) - gatherMs,
          clock,
          stop,
        );
        await sleep(clock, gatherMs, stop);
        await this.#measure(woken || !isBusy || looks % LOOKS === 0 ? 'any change' : 'only room');
      } catch (error) {
        if (!stop.aborted) log.warn({ err: error }, 'the host could not be measured');
      }
    }
  }

  /** Never where the hypervisor itself has to be asked: more measurements would take dom0's CPU. */
  #isBusy(): boolean {
    if (this.#options.driver.measure !== undefined || this.#measured === undefined) return false;
    const { capacity, used } = this.#measured;
    return used.cpuMillis > capacity.cpuMillis * BUSY;
  }

  async #measure(publishFor: 'any change' | 'only room' = 'any change'): Promise<void> {
    const { driver, onChange } = this.#options;
    // A host may change while its daemon runs: a program is installed, a bridge is removed.
    this.#info = await driver.probe();
    await this.#look();
    const status = this.status();
    if (status === undefined || isDeepStrictEqual(status, this.#published)) return;
    if (publishFor === 'only room' && !isFreer(status, this.#published)) return;
    this.#published = status;
    onChange(status);
  }

  async #look(): Promise<void> {
    const { driver, use, appliances, stateDirectory } = this.#options;
    const works = this.#info.problem === undefined;
    if (works) this.#foreignVms = await driver.foreignVms(stateDirectory);
    this.#measured = await use.measure(appliances.vms(), works ? driver.measure : undefined);
  }
}

function isFreer({ capacity, used }: HostStatus, before: HostStatus | undefined): boolean {
  return before === undefined || before.used.cpuMillis - used.cpuMillis >= capacity.cpuMillis * FREER;
}

import { stat } from 'node:fs/promises';
import { type BackoffPolicy, backoffDelay } from '../../base/backoff.ts';
import { type Clock, instant, type Random, sleep } from '../../base/clock.ts';
import type { DesiredSeal, Problem, SealStatus } from '../../host/protocol.ts';
import { writeStateFile } from '../checkpoints/state-file.ts';
import type { CaptureOptions } from '../drivers/captures.ts';
import { toHostError, toProblem } from '../errors/index.ts';
import { SLOW_LOOK } from '../errors/slow-look.ts';
import type { LayerStore } from '../layers/store.ts';
import type { BuildLogs } from './build-logs.ts';
import { type CaptureContext, captureDisks, captureLayers } from './capture.ts';
import { captureCheckpoint } from './capture-checkpoint.ts';
import type { Captured, CapturedCheckpoint } from './captured.ts';
import type { SealFolder, SealRecord } from './seal-folder.ts';

export type SealOptions = CaptureContext & {
  readonly layers: Pick<LayerStore, 'seal' | 'sealOn' | 'has'>;
  readonly logs: BuildLogs;
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff: BackoffPolicy;
  readonly onChange: (seal: Seal) => void;
};

type Progress = { readonly doneBytes: number; readonly totalBytes: number };

const PROGRESS_INTERVAL_MS = 1000;

/** One appliance's disk on its way to a layer, from the request to the layer's name. What was reached is found in its folder. */
export class Seal {
  readonly folder: SealFolder;
  readonly desired: DesiredSeal;
  readonly #options: SealOptions;
  readonly #stop = new AbortController();
  #captured: Captured | undefined;
  #sealed: SealRecord | undefined;
  #problem: Problem | undefined;
  #isFinal = false;
  #progress: Progress | undefined;
  #announcedAt = 0;
  #running: Promise<void> | undefined;

  constructor(folder: SealFolder, desired: DesiredSeal, options: SealOptions) {
    this.folder = folder;
    this.desired = desired;
    this.#options = options;
  }

  /** Reads how far it came. */
  async load(): Promise<void> {
    this.#captured = await this.folder.readCaptured();
    this.#sealed = await this.folder.readSealed();
    // Killed right after it was sealed, the files are still there.
    if (this.#sealed !== undefined) await this.folder.discardCaptured();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the work and keeps what was reached. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** The layers that the captured disks stand on, as long as they are needed. */
  get parents(): readonly string[] {
    if (this.#sealed !== undefined) return [];
    if (this.#captured === undefined) return layersOf(this.desired);
    const { parent, data } = this.#captured;
    return [parent, data?.parent].filter((one) => one !== undefined);
  }

  /** The layers that the disks became. */
  get layers(): readonly string[] {
    const { identity, data, checkpoint } = this.#sealed ?? {};
    return [identity, data, ...Object.values(checkpoint ?? {})].filter((one) => one !== undefined);
  }

  status(): SealStatus {
    const warning = this.#sealed?.warning ?? this.#captured?.warning;
    return {
      uuid: this.folder.uuid,
      ...(this.desired.kind === 'layers' ? {} : { appliance: this.desired.appliance }),
      state: this.#state(),
      ...(this.#sealed ?? this.#progress),
      ...(warning === undefined ? {} : { warning }),
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  #state(): SealStatus['state'] {
    if (this.#sealed !== undefined) return 'Ready';
    if (this.#isFinal) return 'Failed';
    return this.#captured === undefined ? 'Capturing' : 'Sealing';
  }

  async #run(): Promise<void> {
    const { clock, onChange } = this.#options;
    const stop = this.#stop.signal;
    for (let failures = 1; this.#sealed === undefined && !stop.aborted; failures += 1) {
      try {
        this.#captured ??= await this.#capture(stop);
        onChange(this);
        this.#sealed = await this.#seal(this.#captured, stop);
        [this.#problem, this.#isFinal] = [undefined, false];
        onChange(this);
      } catch (error) {
        if (stop.aborted) return;
        const pauseMs = this.#note(error, failures);
        onChange(this);
        // Stopped: the loop ends.
        await sleep(clock, pauseMs, stop).catch(() => undefined);
      }
    }
  }

  async #capture(signal: AbortSignal): Promise<Captured> {
    const onProgress = (doneBytes: number, totalBytes: number) => this.#tell({ doneBytes, totalBytes });
    const options = { onProgress, signal };
    const captured = await this.#captureKind(options);
    // Killed before this, it is captured once more.
    await this.folder.writeCaptured(captured);
    return captured;
  }

  async #captureKind(options: CaptureOptions): Promise<Captured> {
    const { targets, checkpoint } = this.folder;
    const { desired } = this;
    switch (desired.kind) {
      case 'layers':
        return await captureLayers(this.#options, desired, targets, options.signal);
      case 'checkpoint':
        return await captureCheckpoint(
          this.#options,
          desired.appliance,
          { ...targets, folder: checkpoint.folder },
          options,
        );
      case 'appliance':
        return {
          ...(await captureDisks(this.#options, desired, targets, options)),
          ...(await this.#captureLogs()),
        };
    }
  }

  /** Nothing of an appliance that builds no template. */
  async #captureLogs(): Promise<Pick<Captured, 'logsFor'>> {
    const { applianceOf, driver, logs } = this.#options;
    const appliance = this.desired.kind === 'appliance' ? applianceOf(this.desired.appliance) : undefined;
    if (appliance?.desired.build === undefined) return {};
    await logs.capture(appliance, driver, this.folder.logs);
    return { logsFor: appliance.desired.namespace };
  }

  async #seal(captured: Captured, signal: AbortSignal): Promise<SealRecord> {
    const { targets } = this.folder;
    const { parent, data, warning, logsFor, checkpoint } = captured;
    const identity = await this.#sealOne(targets.disk, parent, signal);
    if (logsFor !== undefined) await this.#options.logs.keep(identity, logsFor, this.folder.logs);
    const disks = {
      identity,
      ...(data === undefined ? {} : { data: await this.#sealOne(targets.data, data.parent, signal) }),
    };
    const sealed: SealRecord = {
      ...disks,
      ...(checkpoint === undefined
        ? {}
        : { checkpoint: await this.#sealCheckpoint(checkpoint, disks, signal) }),
      ...(warning === undefined ? {} : { warning }),
    };
    // Killed before this, it is sealed once more, with the same result.
    await this.folder.writeSealed(sealed);
    return sealed;
  }

  async #sealOne(path: string, parent: string | undefined, signal: AbortSignal): Promise<string> {
    const onProgress = await this.#progressOf(path);
    return (await this.#options.layers.sealOn(path, parent, { signal, onProgress })).identity;
  }

  /** The state last: it names the others. */
  async #sealCheckpoint(
    { memory, state, key, from }: CapturedCheckpoint,
    { identity: disk, data: dataDisk }: Pick<SealRecord, 'identity' | 'data'>,
    signal: AbortSignal,
  ): Promise<NonNullable<SealRecord['checkpoint']>> {
    const { layers } = this.#options;
    const { stateFile } = this.folder.checkpoint;
    const onProgress = await this.#progressOf(memory);
    const sealed = await layers.seal({ path: memory, kind: 'memory', onProgress }, {}, signal);
    const named = { memory: sealed.identity, disk, ...(dataDisk === undefined ? {} : { dataDisk }) };
    await writeStateFile(stateFile, { version: 1, key, from, layers: named }, state, signal);
    const { identity } = await layers.seal({ path: stateFile, kind: 'state' }, {}, signal);
    return { memory: sealed.identity, state: identity };
  }

  async #progressOf(path: string): Promise<(doneBytes: number) => void> {
    const { size: totalBytes } = await stat(path);
    return (doneBytes) => this.#tell({ doneBytes, totalBytes });
  }

  #tell(progress: Progress): void {
    this.#progress = progress;
    const { clock, onChange } = this.#options;
    const now = clock.monotonic();
    const isNews = this.#problem !== undefined || now - this.#announcedAt >= PROGRESS_INTERVAL_MS;
    [this.#problem, this.#isFinal] = [undefined, false];
    if (!isNews) return;
    this.#announcedAt = now;
    onChange(this);
  }

  /** @returns how long to wait before the next attempt, in milliseconds */
  #note(error: unknown, failures: number): number {
    const { backoff, clock, random } = this.#options;
    const failure = toHostError(error);
    this.#progress = undefined;
    this.#isFinal = failure.kind === 'stalled';
    const pauseMs = backoffDelay(this.#isFinal ? SLOW_LOOK : backoff, failures, random);
    this.#problem = toProblem(failure, this.#isFinal ? undefined : instant(clock.now() + pauseMs));
    return pauseMs;
  }
}

/** The layers that it is to be made of. */
function layersOf(desired: DesiredSeal): readonly string[] {
  if (desired.kind !== 'layers') return [];
  return [desired.disk, desired.data].filter((one) => one !== undefined);
}

import { type BackoffPolicy, backoffDelay } from '../../base/backoff.ts';
import { type Clock, instant, type Random, sleep } from '../../base/clock.ts';
import type { DesiredLayer, LayerStatus, Problem } from '../../host/protocol.ts';
import type { ImageTool } from '../drivers/driver.ts';
import { type HostError, hostErrors, toHostError, toProblem } from '../errors/index.ts';
import { SLOW_LOOK } from '../errors/slow-look.ts';
import type { LayerDirectory, LayerRecord } from './layer-directory.ts';

/** What fetching layers needs. */
export type FetchOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly images: ImageTool;
  readonly backoff: BackoffPolicy;
  /** For what a person must correct; default `SLOW_LOOK`. */
  readonly slowLook?: BackoffPolicy;
  /** Free bytes that a fetch must leave, because running VMs write to the same disk. */
  readonly reserveBytes: number;
  /** Folders of this host from which `file:` addresses may be read. */
  readonly fileRoots: readonly string[];
};

export type LayerOptions = FetchOptions & {
  /** Queues a fetch, so that not all run at once. */
  readonly inTurn: <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly onChange: (layer: Layer) => void;
};

const PROGRESS_INTERVAL_MS = 1000;

/** One layer on this host, from the request to store it to the sealed file. */
export class Layer {
  readonly sha256: string;
  readonly #directory: LayerDirectory;
  readonly #options: LayerOptions;
  readonly #stop = new AbortController();
  #desired: DesiredLayer;
  #sealed: LayerRecord | undefined;
  #problem: Problem | undefined;
  #stalled = false;
  #stalls = 0;
  #fetched = 0;
  #total: number | undefined;
  #announcedAt = 0;
  #running: Promise<void> | undefined;
  #wake = new AbortController();

  constructor(directory: LayerDirectory, desired: DesiredLayer, options: LayerOptions) {
    this.sha256 = directory.sha256;
    this.#directory = directory;
    this.#desired = desired;
    this.#options = options;
  }

  get desired(): DesiredLayer {
    return this.#desired;
  }

  get ready(): boolean {
    return this.#sealed !== undefined;
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  get filePath(): string {
    return this.#directory.filePath(this.#desired.kind);
  }

  /** Uses the sealed file if there is one. A fault of that file is ignored here: `start` finds and reports it. */
  async look(): Promise<void> {
    this.#sealed = await this.#findSealed().catch(() => undefined);
  }

  /** Fetches the layer unless its sealed file exists. */
  start(): void {
    if (this.ready) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Changes the source. A fetch that stalled, or waits to try again, tries again at once. */
  change(desired: DesiredLayer): void {
    this.#desired = desired;
    if (this.ready) return;
    this.#stalled = false;
    this.#stalls = 0;
    this.#wake.abort();
    this.start();
  }

  /** Ends the fetch and keeps what arrived. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  status(heldBy: readonly string[]): LayerStatus {
    const sealed = this.#sealed;
    return {
      sha256: this.sha256,
      kind: this.#desired.kind,
      state: sealed !== undefined ? 'Ready' : this.#stalled ? 'Failed' : 'Fetching',
      template: this.#desired.template,
      fetchedBytes: this.#fetched,
      ...(this.#total === undefined ? {} : { totalBytes: this.#total }),
      ...(sealed?.virtualBytes === undefined ? {} : { virtualBytes: sealed.virtualBytes }),
      ...(sealed?.bootable === undefined ? {} : { bootable: sealed.bootable }),
      ...(sealed?.content === undefined ? {} : { content: sealed.content }),
      ...(sealed === undefined ? {} : { storedBytes: sealed.file.bytes, seconds: sealed.seconds }),
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
      heldBy,
    };
  }

  async #run(): Promise<void> {
    const stop = this.#stop.signal;
    for (let failures = 1; !stop.aborted && !this.ready; failures += 1) {
      this.#wake = new AbortController();
      try {
        this.#sealed = await this.#findOrFetch(stop);
        this.#problem = undefined;
        this.#options.onChange(this);
      } catch (error) {
        if (stop.aborted) return;
        await this.#failed(toHostError(error), failures);
      }
    }
  }

  /** Records the failure and waits out the back-off, a long one when a person must correct something. */
  async #failed(failure: HostError, failures: number): Promise<void> {
    const { clock, backoff, slowLook = SLOW_LOOK, onChange, random } = this.#options;
    // A failure of the source that was changed meanwhile says nothing about the new one.
    this.#stalled = failure.kind === 'stalled' && !this.#wake.signal.aborted;
    this.#stalls = this.#stalled ? this.#stalls + 1 : 0;
    const delay = this.#stalled
      ? backoffDelay(slowLook, this.#stalls, random)
      : backoffDelay(backoff, failures, random);
    this.#problem = toProblem(failure, this.#stalled ? undefined : instant(clock.now() + delay));
    onChange(this);
    // The pause may be cut short by a changed source or a stop; the loop then decides what to do.
    await sleep(clock, delay, AbortSignal.any([this.#stop.signal, this.#wake.signal])).catch(() => undefined);
  }

  async #findOrFetch(stop: AbortSignal): Promise<LayerRecord> {
    const { clock, images, reserveBytes, fileRoots, inTurn } = this.#options;
    const found = await this.#findSealed();
    if (found !== undefined) return found;
    return inTurn(async () => {
      stop.throwIfAborted();
      const begun = clock.monotonic();
      const elapsed = () => (clock.monotonic() - begun) / 1000;
      const onProgress = (fetched: number, total: number | undefined) => this.#progress(fetched, total);
      return this.#directory.fetch(this.#desired, {
        images,
        reserveBytes,
        fileRoots,
        signal: stop,
        onProgress,
        elapsed,
      });
    }, stop);
  }

  async #findSealed(): Promise<LayerRecord | undefined> {
    const found = await this.#directory.readSealed(this.#desired.kind);
    if (found !== undefined) this.#progress(found.file.bytes, found.file.bytes);
    return found;
  }

  #progress(fetched: number, total: number | undefined): void {
    this.#fetched = fetched;
    this.#total = total;
    const now = this.#options.clock.monotonic();
    if (now - this.#announcedAt < PROGRESS_INTERVAL_MS) return;
    this.#announcedAt = now;
    this.#options.onChange(this);
  }

  /** The error for an appliance that waits for this layer. */
  notReady() {
    return hostErrors.layerNotReady(this.sha256, this.#problem);
  }
}

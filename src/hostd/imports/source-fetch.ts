import { backoffDelay } from '../../base/backoff.ts';
import { instant, sleep } from '../../base/clock.ts';
import type { FetchPhase, Problem } from '../../host/protocol.ts';
import { type HostError, hostErrors, toHostError, toProblem } from '../errors/index.ts';
import { SLOW_LOOK } from '../errors/slow-look.ts';
import type { FetchOptions } from '../layers/fetch-options.ts';
import type { FetchSlots, Turn } from '../layers/fetch-slots.ts';
import { type Forecast, Pace } from '../layers/pace.ts';
import { MINIMUM_RATE, RateWatch } from '../layers/rate-watch.ts';
import type { ImportRecord } from './import-folder.ts';

const SLOW = 'SourceSlow';

/** How one attempt to fetch is followed. */
export type Attempt = {
  readonly signal: AbortSignal;
  readonly onProgress: (fetched: number, total: number | undefined) => void;
  /** The file has arrived: what follows is the host's own work. */
  readonly onArrived: () => void;
  readonly onPhase: (phase: FetchPhase) => void;
};

export type SourceFetchOptions = FetchOptions & {
  readonly url: string;
  /** Namespace of the Template that names the source first: no namespace takes all the turns. */
  readonly owner: string;
  readonly slots: FetchSlots;
  /** The sealed layer, if it is there already. */
  readonly find: () => Promise<ImportRecord | undefined>;
  readonly attempt: (following: Attempt) => Promise<ImportRecord>;
  readonly onSealed: (record: ImportRecord, source: SourceFetch) => void;
  readonly onProgress: () => void;
  /** Its problem changed, or it got its turn. */
  readonly onStanding: () => void;
};

/** One of the addresses of a layer, which is tried until one of them has given the file. */
export class SourceFetch {
  readonly #options: SourceFetchOptions;
  readonly #stop = new AbortController();
  #fetched = 0;
  #total: number | undefined;
  #phase: FetchPhase = 'Fetching';
  #pace: Pace | undefined;
  #problem: Problem | undefined;
  #stalls = 0;
  #queued = false;
  #running: Promise<void> | undefined;

  constructor(options: SourceFetchOptions) {
    this.#options = options;
  }

  get fetched(): number {
    return this.#fetched;
  }

  get total(): number | undefined {
    return this.#total;
  }

  get phase(): FetchPhase {
    return this.#phase;
  }

  /** How fast it comes, while it does. */
  get forecast(): Forecast {
    return this.#pace?.forecast(this.#fetched, this.#total) ?? {};
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  /** Whether it waits for its turn. */
  get queued(): boolean {
    return this.#queued;
  }

  /** Whether a person must correct something. */
  get stalled(): boolean {
    return this.#stalls > 0;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the fetch and keeps what arrived. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { find, onSealed } = this.#options;
    const stop = this.#stop.signal;
    for (let failures = 1; !stop.aborted; failures += 1) {
      try {
        const record = (await find()) ?? (await this.#inTurn(stop));
        this.#problem = undefined;
        this.#stalls = 0;
        onSealed(record, this);
        return;
      } catch (error) {
        if (stop.aborted) return;
        await this.#failed(toHostError(error), failures);
      }
    }
  }

  #inTurn(stop: AbortSignal): Promise<ImportRecord> {
    const { slots, owner } = this.#options;
    this.#setQueued(slots.isFull);
    const work = (turn: Turn) => {
      this.#setQueued(false);
      return this.#fetch(turn);
    };
    return slots.run(owner, work, stop);
  }

  #setQueued(queued: boolean): void {
    if (this.#queued === queued) return;
    this.#queued = queued;
    this.#options.onStanding();
  }

  /** Records the failure and waits out the back-off, a long one when a person must correct something. */
  async #failed(failure: HostError, failures: number): Promise<void> {
    const { clock, backoff, slowLook = SLOW_LOOK, onStanding, random } = this.#options;
    this.#stalls = failure.kind === 'stalled' ? this.#stalls + 1 : 0;
    const delay = this.stalled
      ? backoffDelay(slowLook, this.#stalls, random)
      : backoffDelay(backoff, failures, random);
    this.#problem = toProblem(failure, this.stalled ? undefined : instant(clock.now() + delay));
    onStanding();
    // A stop cuts the pause short; the loop then ends.
    await sleep(clock, delay, this.#stop.signal).catch(() => undefined);
  }

  async #fetch(turn: Turn): Promise<ImportRecord> {
    const { clock, minimumRate = MINIMUM_RATE, attempt, onProgress } = this.#options;
    const tooSlow = new AbortController();
    const watch = new RateWatch(
      clock,
      minimumRate,
      () => this.#fetched,
      (isSlow) => {
        if (this.#noteRate(isSlow) && !turn.giveUp()) tooSlow.abort(this.#slowness());
      },
    );
    watch.start();
    this.#phase = 'Fetching';
    try {
      return await attempt({
        signal: AbortSignal.any([this.#stop.signal, tooSlow.signal]),
        onProgress: (fetched, total) => {
          [this.#fetched, this.#total] = [fetched, total];
          // What an earlier attempt left says nothing of the source.
          this.#pace ??= new Pace(clock, fetched);
          onProgress();
        },
        onArrived: () => {
          watch.stop();
          this.#pace = undefined;
        },
        onPhase: (phase) => {
          this.#phase = phase;
          this.#options.onStanding();
        },
      });
    } finally {
      watch.stop();
      this.#pace = undefined;
    }
  }

  /** A slow source has a problem while it goes on, which is said once. Returns whether it is slow. */
  #noteRate(isSlow: boolean): boolean {
    const { clock, minimumRate = MINIMUM_RATE, onStanding } = this.#options;
    const isKnown = isSlow ? this.#problem?.reason === SLOW : this.#problem === undefined;
    if (isKnown) return isSlow;
    this.#problem = isSlow
      ? toProblem(this.#slowness(), instant(clock.now() + minimumRate.windowMs))
      : undefined;
    onStanding();
    return isSlow;
  }

  #slowness(): HostError {
    const { url, minimumRate = MINIMUM_RATE } = this.#options;
    return hostErrors.sourceSlow(url, minimumRate.bytesPerSecond);
  }
}

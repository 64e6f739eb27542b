import { backoffDelay } from '../../base/backoff.ts';
import { instant, sleep } from '../../base/clock.ts';
import type { DesiredLayer, LayerStatus, Problem } from '../../host/protocol.ts';
import { toHostError, toProblem } from '../errors/index.ts';
import { SLOW_LOOK } from '../errors/slow-look.ts';
import type { ReceiveOptions } from './receive-options.ts';
import { type ReceivedLayer, receiveLayer } from './transfer/receive-layer.ts';
import type { OpenLayer } from './transfer/served-layers.ts';

const PROGRESS_INTERVAL_MS = 1000;

export type ReceivingOptions = ReceiveOptions & {
  readonly identity: string;
  readonly fileOf: (identity: string) => string | undefined;
  readonly locals: () => AsyncIterable<OpenLayer>;
  readonly onReceived: (layer: ReceivedLayer) => Promise<void>;
  readonly onChange: () => void;
};

/** A layer that this host fetches from others, until it is here. */
export class Receiving {
  readonly #options: ReceivingOptions;
  readonly #stop = new AbortController();
  #peers: DesiredLayer['peers'];
  #problem: Problem | undefined;
  #isFinal = false;
  #bytes: { readonly present: number; readonly total: number } | undefined;
  #announcedAt = 0;
  /** Ends a pause when there are other hosts to ask. */
  #retry = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ReceivingOptions, peers: DesiredLayer['peers']) {
    this.#options = options;
    this.#peers = peers;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** From now on these hosts are asked. */
  change(peers: DesiredLayer['peers']): void {
    this.#peers = peers;
    this.#retry.abort();
  }

  /** Ends the transfer and keeps what arrived. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#retry.abort();
    await this.#running;
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  status(heldBy: readonly string[]): LayerStatus {
    const { present, total } = this.#bytes ?? {};
    return {
      identity: this.#options.identity,
      state: this.#isFinal ? 'Failed' : 'Fetching',
      ...(present === undefined ? {} : { fetchedBytes: present }),
      ...(total === undefined ? {} : { totalBytes: total }),
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
      heldBy,
    };
  }

  async #run(): Promise<void> {
    const { onChange, onReceived } = this.#options;
    const stop = this.#stop.signal;
    for (let failures = 1; !stop.aborted; failures += 1) {
      this.#retry = new AbortController();
      try {
        await onReceived(await this.#receive(stop));
        return;
      } catch (error) {
        if (stop.aborted) return;
        const pauseMs = this.#note(error, failures);
        onChange();
        // Stopped, or other hosts to ask: the loop goes on, or ends.
        await sleep(this.#options.clock, pauseMs, this.#retry.signal).catch(() => undefined);
      }
    }
  }

  #receive(signal: AbortSignal): Promise<ReceivedLayer> {
    const { credentials, ensureRoom, onChange, ...options } = this.#options;
    return receiveLayer({
      ...options,
      peers: this.#peers,
      credentials: credentials(),
      ensureRoom: (bytes) => ensureRoom(options.identity, bytes),
      onProgress: (bytes) => {
        this.#bytes = bytes;
        const now = options.clock.monotonic();
        const isNews = this.#problem !== undefined || now - this.#announcedAt >= PROGRESS_INTERVAL_MS;
        [this.#problem, this.#isFinal] = [undefined, false];
        if (!isNews) return;
        this.#announcedAt = now;
        onChange();
      },
      signal,
    });
  }

  /** @returns how long to wait before the next attempt, in milliseconds */
  #note(error: unknown, failures: number): number {
    const { backoff, clock, random } = this.#options;
    const failure = toHostError(error);
    this.#isFinal = failure.kind === 'stalled';
    const pauseMs = backoffDelay(this.#isFinal ? SLOW_LOOK : backoff, failures, random);
    this.#problem = toProblem(failure, this.#isFinal ? undefined : instant(clock.now() + pauseMs));
    return pauseMs;
  }
}

import { type BackoffPolicy, backoffDelay } from '../../../base/backoff.ts';
import { type Clock, instant, type Random, sleep } from '../../../base/clock.ts';
import type { Problem } from '../../../host/protocol.ts';
import { toHostError, toProblem } from '../../errors/index.ts';
import { SLOW_LOOK } from '../../errors/slow-look.ts';
import { FetchSlots } from '../fetch-slots.ts';

export type PublicationsOptions = {
  /** Puts a layer's file into the shared directory; called again when it rejects. */
  readonly publish: (identity: string, signal: AbortSignal) => Promise<void>;
  readonly onChange: (identity: string) => void;
  readonly backoff: BackoffPolicy;
  readonly clock: Clock;
  readonly random: Random;
};

type Publication = { readonly stop: AbortController; running: Promise<void>; problem: Problem | undefined };

/** Layers that are being put into the shared directory, each until it is there. Nothing of this is kept: the operator asks again. */
export class Publications {
  readonly #options: PublicationsOptions;
  /** Each reads and writes a whole file. */
  readonly #slots = new FetchSlots({ slots: 2, beside: 0 });
  readonly #byIdentity = new Map<string, Publication>();

  constructor(options: PublicationsOptions) {
    this.#options = options;
  }

  /** Begins, unless that is under way. */
  start(identity: string): void {
    if (this.#byIdentity.has(identity)) return;
    const publication: Publication = {
      stop: new AbortController(),
      running: Promise.resolve(),
      problem: undefined,
    };
    this.#byIdentity.set(identity, publication);
    publication.running = this.#run(identity, publication);
  }

  isRunning(identity: string): boolean {
    return this.#byIdentity.has(identity);
  }

  /** Why a layer is not there yet. */
  problemOf(identity: string): Problem | undefined {
    return this.#byIdentity.get(identity)?.problem;
  }

  /** Ends it. Resolves when nothing runs any more. */
  async stop(identity: string): Promise<void> {
    const publication = this.#byIdentity.get(identity);
    publication?.stop.abort();
    await publication?.running;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#byIdentity.keys()].map((identity) => this.stop(identity)));
  }

  async #run(identity: string, publication: Publication): Promise<void> {
    const { publish, onChange, clock, random, backoff } = this.#options;
    const { signal } = publication.stop;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.#slots.run(identity, () => publish(identity, signal), signal);
        break;
      } catch (error) {
        if (signal.aborted) break;
        const failure = toHostError(error);
        const isFinal = failure.kind === 'stalled';
        const pauseMs = backoffDelay(isFinal ? SLOW_LOOK : backoff, failures, random);
        publication.problem = toProblem(failure, isFinal ? undefined : instant(clock.now() + pauseMs));
        onChange(identity);
        // Stopped: the loop ends.
        await sleep(clock, pauseMs, signal).catch(() => undefined);
      }
    }
    this.#byIdentity.delete(identity);
    onChange(identity);
  }
}

import type { Clock } from './clock.ts';

/** No answer stays valid for longer, however long it took to get. */
const LONGEST_MS = 5_000;
/** An answer stays valid for this many times as long as it took to get: asking takes at most a fifth of the time. */
const SHARE = 5;

/** An answer that is shared for a while: callers that ask at about the same time cause one question. */
export class CachedAnswer<T> {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #forMs: number;
  #last: { readonly askedAt: number; readonly answer: Promise<T>; validMs: number } | undefined;

  /** @param forMs how long an answer stays valid at least, in milliseconds from when the question began */
  constructor(clock: Pick<Clock, 'monotonic'>, forMs: number) {
    this.#clock = clock;
    this.#forMs = forMs;
  }

  /** The last answer while it is valid, or pending; else that of `ask`. */
  get(ask: () => Promise<T>): Promise<T> {
    const last = this.#last;
    if (last === undefined) return this.keep(ask());
    const ageMs = this.#clock.monotonic() - last.askedAt;
    return ageMs < last.validMs ? last.answer : this.keep(ask());
  }

  /** Makes `answer`, whose question begins now, the last one, and returns it. */
  keep(answer: Promise<T>): Promise<T> {
    const askedAt = this.#clock.monotonic();
    const last = { askedAt, answer, validMs: Number.POSITIVE_INFINITY };
    answer.then(
      () => {
        const tookMs = this.#clock.monotonic() - askedAt;
        last.validMs = Math.max(this.#forMs, Math.min(SHARE * tookMs, LONGEST_MS));
      },
      // A failure reaches only the callers that were waiting for it.
      () => {
        last.validMs = 0;
      },
    );
    this.#last = last;
    return answer;
  }

  /** Drops the last answer, pending or not: what it was about has changed. */
  forget(): void {
    this.#last = undefined;
  }
}

import type { Clock } from './clock.ts';

/** However long a question takes, its answer is good for no longer. */
const LONGEST_MS = 5_000;
/** An answer is good for so many times what the question took: asking takes at most a fifth of the time. */
const SHARE = 5;

/** An answer that is good for a while: where many ask at about the same time, one question is put. */
export class CachedAnswer<T> {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #forMs: number;
  #last: { readonly askedAt: number; readonly answer: Promise<T>; goodForMs: number } | undefined;

  /** @param forMs how long an answer is good at least, from when it was asked for */
  constructor(clock: Pick<Clock, 'monotonic'>, forMs: number) {
    this.#clock = clock;
    this.#forMs = forMs;
  }

  /** The last answer while it is good; else that of `ask`. */
  get(ask: () => Promise<T>): Promise<T> {
    const last = this.#last;
    if (last === undefined) return this.keep(ask());
    const ageMs = this.#clock.monotonic() - last.askedAt;
    return ageMs < last.goodForMs ? last.answer : this.keep(ask());
  }

  /** Takes an answer that is asked for now, and returns it. */
  keep(answer: Promise<T>): Promise<T> {
    const askedAt = this.#clock.monotonic();
    const last = { askedAt, answer, goodForMs: Number.POSITIVE_INFINITY };
    answer.then(
      () => {
        const tookMs = this.#clock.monotonic() - askedAt;
        last.goodForMs = Math.max(this.#forMs, Math.min(SHARE * tookMs, LONGEST_MS));
      },
      // Only those who were waiting for it are told of a failure.
      () => {
        last.goodForMs = 0;
      },
    );
    this.#last = last;
    return answer;
  }

  /** Something changed: what was asked before is good for nothing. */
  forget(): void {
    this.#last = undefined;
  }
}

import type { Clock } from './clock.ts';

/** An answer that is good for a while: where many ask at about the same time, one question is put. */
export class Recent<T> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #forMs: number;
  #last: { readonly askedAt: number; readonly answer: Promise<T> } | undefined;

  constructor(clock: Pick<Clock, 'now'>, forMs: number) {
    this.#clock = clock;
    this.#forMs = forMs;
  }

  /** The last answer, when it was asked for less than `forMs` ago by a clock that was not set back since; else that of `ask`. */
  get(ask: () => Promise<T>): Promise<T> {
    const age = this.#clock.now() - (this.#last?.askedAt ?? Number.NEGATIVE_INFINITY);
    return this.#last !== undefined && age >= 0 && age < this.#forMs ? this.#last.answer : this.keep(ask());
  }

  /** Takes an answer that is asked for now, and returns it. */
  keep(answer: Promise<T>): Promise<T> {
    this.#last = { askedAt: this.#clock.now(), answer };
    return answer;
  }

  /** Something changed: what was asked before is good for nothing. */
  forget(): void {
    this.#last = undefined;
  }
}

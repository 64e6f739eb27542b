import type { Cancel, Clock } from '../../base/clock.ts';
import { startTimeout } from '../../base/timeout.ts';

/**
 * Silence that makes one ask, and how long the answer may take: a dead connection is found within their sum, where client-go
 * (ReadIdleTimeout 30 s, PingTimeout 15 s) needs 45 s.
 */
const quietMs = 5000;
const answerMs = 5000;

/** Something that is awaited from the server: the answer to a request, or what a watch sends next. */
export interface Exchange {
  /** Something came. */
  heard(): void;
  /** Nothing is awaited any more. */
  ended(): void;
}

/**
 * Tells connections that are dead but look open (half-open: a balancer or a NAT forgot them, a cable was pulled) from a
 * server that has nothing to say. HTTP/1.1 has no pings, so one connection of the same age as the others is asked in
 * their place: one question for all, and only while somebody waits in silence.
 */
export interface Liveness {
  follow(): Exchange;
  /** Asks at once, unless it is asking already: somebody has waited in vain. */
  suspect(): void;
  /** Asks no more. */
  close(): void;
}

export interface LivenessOptions {
  readonly clock: Clock;
  /** Asks the server for the least there is; whatever the answer, there is one. */
  readonly ask: (signal: AbortSignal) => Promise<void>;
  /** No answer came: nothing that was awaited until now will ever come. */
  readonly onDead: (reason: unknown) => void;
}

/** Nothing happens before something is awaited. */
export function createLiveness(options: LivenessOptions): Liveness {
  return new Watchdog(options);
}

class Watchdog implements Liveness {
  readonly #options: LivenessOptions;
  /** When each of them was last heard of. */
  readonly #heardAt = new Map<Exchange, number>();
  /** Until then the server has proved that its silence means nothing. */
  #vouchedAt = Number.NEGATIVE_INFINITY;
  #cancel: Cancel | undefined;
  #asking: AbortController | undefined;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  follow(): Exchange {
    const { clock } = this.#options;
    const exchange: Exchange = {
      heard: () => {
        if (this.#heardAt.has(exchange)) this.#heardAt.set(exchange, clock.monotonic());
      },
      ended: () => {
        this.#heardAt.delete(exchange);
        if (this.#heardAt.size === 0) this.#rest();
      },
    };
    this.#heardAt.set(exchange, clock.monotonic());
    this.#lookLater();
    return exchange;
  }

  suspect(): void {
    if (this.#asking === undefined) void this.#ask();
  }

  close(): void {
    this.#heardAt.clear();
    this.#rest();
    this.#asking?.abort(new Error('the connections are being closed'));
  }

  #rest(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Once a timer runs it stays: what is heard meanwhile puts off the question, not the look. */
  #lookLater(): void {
    if (this.#cancel !== undefined || this.#asking !== undefined || this.#heardAt.size === 0) return;
    const dueMs = this.#quietSince() + quietMs - this.#options.clock.monotonic();
    this.#cancel = this.#options.clock.schedule(dueMs, () => {
      this.#cancel = undefined;
      if (this.#quietSince() + quietMs <= this.#options.clock.monotonic()) void this.#ask();
      else this.#lookLater();
    });
  }

  #quietSince(): number {
    return Math.max(Math.min(...this.#heardAt.values()), this.#vouchedAt);
  }

  async #ask(): Promise<void> {
    const { clock, ask, onDead } = this.#options;
    this.#rest();
    const asking = new AbortController();
    this.#asking = asking;
    const startedAt = clock.monotonic();
    const timeout = startTimeout(clock, answerMs, asking.signal);
    try {
      await ask(timeout.signal);
      this.#vouchedAt = startedAt;
    } catch (error) {
      if (!asking.signal.aborted) onDead(error);
      this.#vouchedAt = clock.monotonic();
    } finally {
      timeout.clear();
      this.#asking = undefined;
    }
    this.#lookLater();
  }
}

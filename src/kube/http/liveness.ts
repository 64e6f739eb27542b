import type { Cancel, Clock } from '../../base/clock.ts';
import { startTimeout } from '../../base/timeout.ts';

/**
 * After `quietMs` of silence the server is probed, and it has `answerMs` to answer. A dead connection is found within the sum;
 * client-go (ReadIdleTimeout 30 s, PingTimeout 15 s) needs 45 s.
 */
const quietMs = 5000;
const answerMs = 5000;

/** A request that waits for its answer, or a watch that waits for its next event. */
export interface Exchange {
  /** Data arrived. */
  heard(): void;
  /** The exchange is over: it waits for nothing any more. */
  ended(): void;
}

/**
 * Tells half-open connections (a load balancer or a NAT forgot them, a cable was pulled) from a server that has nothing to
 * send. HTTP/1.1 has no pings. So one more connection, as old as the others, is probed in their place: one probe for all, and
 * only while an exchange waits in silence.
 */
export interface Liveness {
  /** Begins to watch over an exchange. */
  follow(): Exchange;
  /** Probes at once, unless a probe is under way. Call it when an exchange timed out. */
  suspect(): void;
  /** Stops probing. */
  close(): void;
}

export interface LivenessOptions {
  readonly clock: Clock;
  /** Sends the probe; resolves with any answer, even an error of the server. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  /** The probe had no answer, so no exchange that began before it will get one. */
  readonly onDead: (reason: unknown) => void;
}

/** Does nothing before the first exchange. */
export function createLiveness(options: LivenessOptions): Liveness {
  return new Watchdog(options);
}

class Watchdog implements Liveness {
  readonly #options: LivenessOptions;
  /** When data last arrived on each exchange. */
  readonly #heardAt = new Map<Exchange, number>();
  /** When the last probe that was answered began: silence before it is harmless. */
  #provedAliveAt = Number.NEGATIVE_INFINITY;
  #cancel: Cancel | undefined;
  #probing: AbortController | undefined;

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
        if (this.#heardAt.size === 0) this.#cancelCheck();
      },
    };
    this.#heardAt.set(exchange, clock.monotonic());
    this.#scheduleCheck();
    return exchange;
  }

  suspect(): void {
    if (this.#probing === undefined) void this.#probe();
  }

  close(): void {
    this.#heardAt.clear();
    this.#cancelCheck();
    this.#probing?.abort(new Error('the connections are being closed'));
  }

  #cancelCheck(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** A running timer is never replaced: data that arrives meanwhile postpones the probe, not the check. */
  #scheduleCheck(): void {
    if (this.#cancel !== undefined || this.#probing !== undefined || this.#heardAt.size === 0) return;
    const dueMs = this.#quietSince() + quietMs - this.#options.clock.monotonic();
    this.#cancel = this.#options.clock.schedule(dueMs, () => {
      this.#cancel = undefined;
      if (this.#quietSince() + quietMs <= this.#options.clock.monotonic()) void this.#probe();
      else this.#scheduleCheck();
    });
  }

  #quietSince(): number {
    return Math.max(Math.min(...this.#heardAt.values()), this.#provedAliveAt);
  }

  async #probe(): Promise<void> {
    const { clock, probe, onDead } = this.#options;
    this.#cancelCheck();
    const probing = new AbortController();
    this.#probing = probing;
    const startedAt = clock.monotonic();
    const timeout = startTimeout(clock, answerMs, probing.signal);
    try {
      await probe(timeout.signal);
      this.#provedAliveAt = startedAt;
    } catch (error) {
      if (!probing.signal.aborted) onDead(error);
      // The dead connections are gone: those that replace them begin now.
      this.#provedAliveAt = clock.monotonic();
    } finally {
      timeout.clear();
      this.#probing = undefined;
    }
    this.#scheduleCheck();
  }
}

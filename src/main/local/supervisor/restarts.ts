import { type BackoffPolicy, backoffDelay } from '../../../base/backoff.ts';
import type { Clock, Random } from '../../../base/clock.ts';

/** As a kubelet's, but for its initial 10 s: a part starts in less than a second. */
const BACKOFF: BackoffPolicy = { initialMs: 1000, maxMs: 300_000 };
/** A part that ran this long has recovered: its next end is the first again. */
const STABLE_MS = 600_000;

/** How one part fared under this supervisor. */
export interface PartHistory {
  /** How often it was started again. */
  readonly restarts: number;
  /** When the part was last started again, and when it will be next; milliseconds since the epoch. */
  readonly lastAt?: number;
  readonly nextAt?: number;
}

interface Entry {
  restarts: number;
  /** Ends in a row, none of them after a long run. */
  failures: number;
  /** Milliseconds of the monotonic clock, since the wall clock may jump. */
  startedAt: number;
  dueAt: number | undefined;
  lastAt: number | undefined;
  nextAt: number | undefined;
}

/** Decides when a part that ended is started again: at once the first time, then after growing delays. */
export class Restarts {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Call it when the part was seen not to run. Returns whether to start it now. */
  isDue(part: string): boolean {
    const entry = this.#entry(part);
    const now = this.#clock.monotonic();
    if (entry.dueAt === undefined) {
      if (now - entry.startedAt >= STABLE_MS) entry.failures = 0;
      const delayMs = entry.failures === 0 ? 0 : backoffDelay(BACKOFF, entry.failures, this.#random);
      entry.dueAt = now + delayMs;
      entry.nextAt = Math.round(this.#clock.now() + delayMs);
      entry.failures += 1;
    }
    return entry.dueAt <= now;
  }

  /** Call it when the part was seen to run: somebody else may have started it. */
  runs(part: string): void {
    const entry = this.#entry(part);
    entry.dueAt = undefined;
    entry.nextAt = undefined;
  }

  /** Call it when the part is being started again. */
  starts(part: string): void {
    const entry = this.#entry(part);
    entry.restarts += 1;
    entry.startedAt = this.#clock.monotonic();
    entry.lastAt = this.#clock.now();
    entry.dueAt = undefined;
    entry.nextAt = undefined;
  }

  history(part: string): PartHistory {
    const { restarts, lastAt, nextAt } = this.#entry(part);
    return {
      restarts,
      ...(lastAt === undefined ? {} : { lastAt }),
      ...(nextAt === undefined ? {} : { nextAt }),
    };
  }

  #entry(part: string): Entry {
    const known = this.#entries.get(part);
    if (known !== undefined) return known;
    const entry = {
      restarts: 0,
      failures: 0,
      startedAt: Number.NEGATIVE_INFINITY,
      dueAt: undefined,
      lastAt: undefined,
      nextAt: undefined,
    };
    this.#entries.set(part, entry);
    return entry;
  }
}

import { isSameJson } from '../../src/base/equality.ts';

/** How soon a change of a status is worth a write to the API server. */
export type Urgency = 'none' | 'now' | Delay;
export type Delay = 'shortly' | 'soon' | 'later';

/** The debounce of each delay; a delay without one is written at once. */
export type Debounces = Readonly<Partial<Record<Delay, Debounce>>>;

/** A status is written when it has not changed for `settleMs`, and at the latest `maxMs` after its first unwritten change. */
export interface Debounce {
  readonly settleMs: number;
  readonly maxMs: number;
}

interface Unwritten {
  readonly since: number;
  changedAt: number;
  next: unknown;
}

/**
 * Debounces the writes of statuses, so that frequent changes (progress, measurements) cost few writes. It decides only when to
 * write: after it was lost, the status is written at once.
 */
export class WriteDebouncer {
  readonly #debounces: Debounces;
  readonly #monotonic: () => number;
  readonly #unwritten = new Map<string, Unwritten>();

  constructor(debounces: Debounces, monotonic: () => number) {
    this.#debounces = debounces;
    this.#monotonic = monotonic;
  }

  /** Milliseconds until `next` is to be written for `key`: 0 means now, undefined that there is nothing to write. */
  dueIn(key: string, urgency: Urgency, next: unknown): number | undefined {
    if (urgency === 'none') {
      this.#unwritten.delete(key);
      return undefined;
    }
    if (urgency === 'now') return 0;
    const now = this.#monotonic();
    const known = this.#unwritten.get(key) ?? { since: now, changedAt: now, next };
    if (!isSameJson(known.next, next)) {
      known.changedAt = now;
      known.next = next;
    }
    this.#unwritten.set(key, known);
    const { settleMs, maxMs } = this.#debounces[urgency] ?? { settleMs: 0, maxMs: 0 };
    return Math.max(0, Math.min(known.changedAt + settleMs, known.since + maxMs) - now);
  }

  /** It was written, or the object is gone. */
  forget(key: string): void {
    this.#unwritten.delete(key);
  }
}

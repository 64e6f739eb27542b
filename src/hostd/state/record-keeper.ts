import { isDeepStrictEqual } from 'node:util';
import type { ApplianceRecord } from './record.ts';

/**
 * Holds an appliance's record and writes it to disk: all changes that come during a write go together into the next one.
 * A step that must not begin before its record is safe awaits `saved`.
 */
export class RecordKeeper {
  readonly #write: (record: ApplianceRecord) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #current: ApplianceRecord;
  #dirty = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly initial: ApplianceRecord;
    readonly write: (record: ApplianceRecord) => Promise<void>;
    /** Receives the error of a failed write that nobody waits for; the next change writes again. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#current = options.initial;
    this.#write = options.write;
    this.#onError = options.onError;
  }

  get current(): ApplianceRecord {
    return this.#current;
  }

  /** Changes the record; it is on disk some time later. */
  update(change: Partial<ApplianceRecord>): void {
    const next = { ...this.#current, ...change };
    if (isDeepStrictEqual(next, this.#current)) return;
    this.#current = next;
    this.#dirty = true;
    this.saved().catch(this.#onError);
  }

  /** Resolves when everything up to now is on disk. */
  saved(): Promise<void> {
    const turn = this.#writing.then(async () => {
      if (!this.#dirty) return;
      this.#dirty = false;
      try {
        await this.#write(this.#current);
      } catch (error) {
        this.#dirty = true;
        throw error;
      }
    });
    this.#writing = turn.catch(() => undefined);
    return turn;
  }
}

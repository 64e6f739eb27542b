import type { HostEvent } from '../host/protocol.ts';

export type NumberedEvent = { readonly id: string; readonly event: HostEvent };
type Listener = (event: NumberedEvent) => void;

/** The last events: a client that lost the connection can continue where it was, as far as they reach back. */
export class EventHub {
  readonly #epoch: number;
  readonly #capacity: number;
  readonly #ring: NumberedEvent[] = [];
  readonly #listeners = new Set<Listener>();
  #sequence = 0;

  /** `epoch` is the daemon's start in milliseconds: it distinguishes the ids of two runs. */
  constructor(options: { readonly epoch: number; readonly capacity: number }) {
    this.#epoch = options.epoch;
    this.#capacity = options.capacity;
  }

  publish(event: HostEvent): void {
    this.#sequence += 1;
    const numbered = { id: this.lastId, event };
    this.#ring.push(numbered);
    if (this.#ring.length > this.#capacity) this.#ring.shift();
    for (const listener of [...this.#listeners]) listener(numbered);
  }

  /** Id of the newest event; before the first one it ends with 0. */
  get lastId(): string {
    return `${this.#epoch}-${this.#sequence}`;
  }

  /** The events after this id, or undefined when the id is no longer known (or never was). */
  after(id: string | undefined): readonly NumberedEvent[] | undefined {
    const [, epoch, sequence] = /^([0-9]+)-([0-9]+)$/.exec(id ?? '') ?? [];
    if (sequence === undefined || Number(epoch) !== this.#epoch) return undefined;
    const missed = this.#sequence - Number(sequence);
    if (missed < 0 || missed > this.#ring.length) return undefined;
    return missed === 0 ? [] : this.#ring.slice(-missed);
  }

  /** Calls the listener with every event from now on; returns a function that stops that. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

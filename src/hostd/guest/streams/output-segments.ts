import type { Session } from '../session.ts';
import { GuestFile } from './files.ts';
import { READS_PER_SEGMENT } from './scripts.ts';

/** One of a program's outputs, read from the segments that the guest writes: each byte once, in their order. */
export class OutputSegments {
  readonly #session: Session;
  /** Path of a segment, without its number. */
  readonly #base: string;
  #number = 0;
  #bytes = 0;
  #current: GuestFile | undefined;
  #next: GuestFile | undefined;

  constructor(session: Session, base: string) {
    this.#session = session;
    this.#base = base;
  }

  /** The next bytes; undefined when there are none for now, and after the program's end when there are no more. */
  async read(): Promise<Buffer | undefined> {
    for (;;) {
      this.#current ??= await this.#open(this.#number);
      const data = await this.#current?.read();
      if (data === undefined) return undefined;
      this.#bytes += data.length;
      if (data.length > 0) return data;
      if (this.#next !== undefined) await this.#goOn(this.#next);
      // A shorter one is not complete: each read of it gave a byte at least.
      else if (this.#bytes < READS_PER_SEGMENT) return undefined;
      else {
        this.#next = await this.#open(this.#number + 1);
        if (this.#next === undefined) return undefined;
        // It may have grown before the next was begun.
      }
    }
  }

  async close(): Promise<void> {
    await this.#current?.close();
    await this.#next?.close();
  }

  /** Leaves the segment that was read, emptied: the guest waits for that. */
  async #goOn(next: GuestFile): Promise<void> {
    const read = this.#current;
    this.#current = next;
    this.#next = undefined;
    await read?.close();
    await GuestFile.empty(this.#session, this.#path(this.#number));
    this.#number += 1;
    this.#bytes = 0;
  }

  #open(number: number): Promise<GuestFile | undefined> {
    return GuestFile.open(this.#session, this.#path(number), 'r');
  }

  #path(number: number): string {
    return `${this.#base}.${number}`;
  }
}

import { Transform } from 'node:stream';
import { systemClock } from '../base/clock.ts';
import { describeBytes } from '../domain/quantity.ts';

const INTERVAL_MS = 500;
const BAR_WIDTH = 30;

/** Tells on a terminal how much was copied so far, and in the end how much it was, on the error output. */
export class Progress {
  readonly #total: number | undefined;
  readonly #before: number;
  #bytes: number;
  readonly #begun = systemClock.monotonic();
  #told = systemClock.monotonic();

  /** @param total how many bytes it will be; then there is a bar. @param before how many were copied earlier */
  constructor(total?: number, before = 0) {
    this.#total = total;
    this.#before = before;
    this.#bytes = before;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (!process.stderr.isTTY || systemClock.monotonic() - this.#told <= INTERVAL_MS) return;
    this.#told = systemClock.monotonic();
    const text = this.#total === undefined ? this.#sentence('so far') : this.#bar(this.#total);
    process.stderr.write(`\r${text}\u001b[K`);
  }

  /** Passes everything on. */
  counter(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.add(chunk.length);
        done(null, chunk);
      },
    });
  }

  finish(done = 'copied'): void {
    process.stderr.write(`${process.stderr.isTTY ? '\r\u001b[K' : ''}${this.#sentence(done)}\n`);
  }

  #sentence(what: string): string {
    return `${describeBytes(this.#bytes - this.#before)} ${what} in ${this.#seconds().toFixed(1)} s`;
  }

  #bar(total: number): string {
    const filled = Math.round((this.#bytes / total) * BAR_WIDTH);
    const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '.');
    const rate = (this.#bytes - this.#before) / this.#seconds();
    const left = rate > 0 ? `, ${Math.ceil((total - this.#bytes) / rate)} s left` : '';
    return `[${bar}] ${describeBytes(this.#bytes)} of ${describeBytes(total)}, ${describeBytes(Math.round(rate))}/s${left}`;
  }

  #seconds(): number {
    return Math.max(1, systemClock.monotonic() - this.#begun) / 1000;
  }
}

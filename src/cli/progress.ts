import { Transform } from 'node:stream';
import { systemClock } from '../base/clock.ts';
import { describeBytes } from '../domain/quantity.ts';

const INTERVAL_MS = 500;

/** Tells on a terminal how much was copied so far, and in the end how much it was, on the error output. */
export class Progress {
  #bytes = 0;
  readonly #begun = systemClock.monotonic();
  #told = systemClock.monotonic();

  /** Passes everything on. */
  counter(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#bytes += chunk.length;
        if (process.stderr.isTTY && systemClock.monotonic() - this.#told > INTERVAL_MS) {
          this.#told = systemClock.monotonic();
          process.stderr.write(`\r${this.#sentence('so far')}\u001b[K`);
        }
        done(null, chunk);
      },
    });
  }

  finish(done = 'copied'): void {
    process.stderr.write(`${process.stderr.isTTY ? '\r\u001b[K' : ''}${this.#sentence(done)}\n`);
  }

  #sentence(what: string): string {
    const seconds = (systemClock.monotonic() - this.#begun) / 1000;
    return `${describeBytes(this.#bytes)} ${what} in ${seconds.toFixed(1)} s`;
  }
}

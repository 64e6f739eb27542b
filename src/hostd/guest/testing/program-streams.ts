import { Wake } from '../../../base/wake.ts';
import type { TerminalSize } from '../../../host/streams.ts';
import type { ProgramStreams } from '../guest.ts';

/** The other ends of a program's streams. */
export class TestStreams {
  readonly changed = new Wake();
  readonly stdout: Buffer[] = [];
  readonly stderr: Buffer[] = [];
  /** Whether the reader has stopped. */
  full = false;
  #input: Buffer[] = [];
  #ended = false;
  #size: TerminalSize | undefined;

  readonly withoutInput: ProgramStreams = {
    output: this.#output(),
    changed: this.changed,
  };
  readonly withInput: ProgramStreams = { ...this.withoutInput, input: this.#source() };
  readonly onTerminal: ProgramStreams = {
    ...this.withInput,
    terminal: {
      size: { Width: 101, Height: 31 },
      takeChange: () => {
        const size = this.#size;
        this.#size = undefined;
        return size;
      },
    },
  };

  /** Bytes that were given and not yet taken. */
  get waiting(): number {
    return this.#input.reduce((sum, { length }) => sum + length, 0);
  }

  type(data: string | Buffer): void {
    this.#input.push(Buffer.from(data));
    this.changed.now();
  }

  end(): void {
    this.#ended = true;
    this.changed.now();
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    this.changed.now();
  }

  goOn(): void {
    this.full = false;
    this.changed.now();
  }

  printed(): string {
    return Buffer.concat(this.stdout).toString();
  }

  complained(): string {
    return Buffer.concat(this.stderr).toString();
  }

  #output() {
    const isFull = () => this.full;
    return {
      get full() {
        return isFull();
      },
      write: (name: 'stdout' | 'stderr', data: Buffer) => void this[name].push(data),
    };
  }

  #source() {
    const hasEnded = () => this.#ended && this.#input.length === 0;
    return {
      take: () => this.#input.shift(),
      get ended() {
        return hasEnded();
      },
    };
  }
}

import { isRecord } from '../../base/json.ts';
import type { Wake } from '../../base/wake.ts';
import { CHANNELS, type TerminalSize } from '../../host/streams.ts';
import type { ProgramInput, ProgramOutput } from '../guest/guest.ts';
import type { Channels, Receiver } from './channels.ts';

/** Input that waits for the guest; the caller waits when it is more. */
const WAITING_BYTES = 256 * 1024;

const CHARACTERS = 65_535;

/** A program's streams as channels: keeps what has come until the guest takes it. */
export class ProgramChannels implements Receiver {
  /** Undefined for a program without one: what comes is then dropped. */
  readonly input: ProgramInput | undefined;
  readonly output: ProgramOutput;
  readonly #channels: Channels;
  readonly #changed: Wake;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #size: TerminalSize | undefined;

  constructor(channels: Channels, changed: Wake, hasInput: boolean) {
    this.#channels = channels;
    this.#changed = changed;
    const hasEnded = () => this.#ended && this.#bytes === 0;
    const input: ProgramInput = {
      take: () => this.#take(),
      get ended() {
        return hasEnded();
      },
    };
    this.input = hasInput ? input : undefined;
    this.output = {
      get full() {
        return channels.full;
      },
      write: (name, data) => channels.send(CHANNELS[name], data),
    };
  }

  data(channel: number, data: Buffer): void {
    if (channel === CHANNELS.resize) this.#size = sizeIn(data) ?? this.#size;
    if (channel === CHANNELS.stdin && this.input !== undefined && !this.#ended) {
      this.#pieces.push(data);
      this.#bytes += data.length;
      if (this.#bytes >= WAITING_BYTES) this.#channels.pause();
    }
    this.#changed.now();
  }

  end(channel: number): void {
    if (channel === CHANNELS.stdin) this.#ended = true;
    this.#changed.now();
  }

  room(): void {
    this.#changed.now();
  }

  /** The terminal's size, if one has come since the last call. */
  takeSize(): TerminalSize | undefined {
    const size = this.#size;
    this.#size = undefined;
    return size;
  }

  #take(): Buffer | undefined {
    if (this.#bytes === 0) return undefined;
    const data = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    this.#channels.resume();
    return data;
  }
}

/** Undefined for anything but a size: a caller's nonsense changes nothing. */
function sizeIn(data: Buffer): TerminalSize | undefined {
  try {
    const size: unknown = JSON.parse(data.toString());
    if (!isRecord(size)) return undefined;
    const [width, height] = [Number(size.Width), Number(size.Height)];
    const isSize = [width, height].every((each) => Number.isInteger(each) && each > 0 && each <= CHARACTERS);
    return isSize ? { Width: width, Height: height } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

import { hostErrors } from '../../errors/index.ts';
import type { ProgramInput } from '../guest.ts';
import type { Session } from '../session.ts';
import { GuestFile } from './files.ts';

/** How far the daemon is ahead of the program at most: bytes, and segments, as one keystroke may be one. */
const BYTES_AHEAD = 8 * 1024 * 1024;
const SEGMENTS_AHEAD = 256;

type Segment = { readonly path: string; readonly bytes: number };

/** A program's input, written as segments that the guest removes when the program's pipe has taken them. */
export class InputSegments {
  readonly #session: Session;
  readonly #directory: string;
  readonly #input: ProgramInput;
  #number = 0;
  #current: GuestFile | undefined;
  #unread: Segment[] = [];
  #ended = false;

  constructor(session: Session, directory: string, input: ProgramInput) {
    this.#session = session;
    this.#directory = directory;
    this.#input = input;
  }

  /** Passes on what has come; false when nothing can be for now. */
  async advance(): Promise<boolean> {
    if (this.#ended || (this.#isFarAhead() && !(await this.#isTaken()))) return false;
    // The guest makes its folder first.
    this.#current ??= await GuestFile.open(this.#session, this.#path(this.#number), 'w');
    if (this.#current === undefined) return false;
    const data = this.#input.take();
    if (data !== undefined) await this.#write(this.#current, data);
    else if (this.#input.ended) await this.#end(this.#current);
    else return false;
    return true;
  }

  async close(): Promise<void> {
    await this.#current?.close();
  }

  async #write(segment: GuestFile, data: Buffer): Promise<void> {
    const path = this.#path(this.#number);
    await segment.write(data);
    this.#current = undefined;
    await segment.close();
    this.#unread.push({ path, bytes: data.length });
    this.#number += 1;
    // That it exists tells the guest that the one before is complete.
    this.#current = await GuestFile.open(this.#session, this.#path(this.#number), 'w');
    if (this.#current === undefined) throw hostErrors.execFolderGone(this.#directory);
  }

  async #end(segment: GuestFile): Promise<void> {
    this.#ended = true;
    this.#current = undefined;
    await segment.close();
    await GuestFile.empty(this.#session, `${this.#directory}/in.end`);
  }

  #isFarAhead(): boolean {
    const bytes = this.#unread.reduce((sum, segment) => sum + segment.bytes, 0);
    return bytes >= BYTES_AHEAD || this.#unread.length >= SEGMENTS_AHEAD;
  }

  /** Whether the program's pipe has taken the oldest segments meanwhile. */
  async #isTaken(): Promise<boolean> {
    for (let oldest = this.#unread[0]; oldest !== undefined; oldest = this.#unread[0]) {
      const file = await GuestFile.open(this.#session, oldest.path, 'r');
      if (file !== undefined) {
        await file.close();
        break;
      }
      this.#unread.shift();
    }
    return !this.#isFarAhead();
  }

  #path(number: number): string {
    return `${this.#directory}/in.${number}`;
  }
}

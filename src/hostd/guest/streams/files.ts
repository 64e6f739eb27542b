import { deadlineIn } from '../../../base/deadline.ts';
import { hostErrors, messageOf } from '../../errors/index.ts';
import { askAgent, askForObject, type Session } from '../session.ts';
import { writeChunk } from '../transfer.ts';

/** An agent that is busy with others may take this long. */
const ANSWER_MS = 30_000;

/** One answer of the agent carries no more. */
const READ_BYTES = 48 * 1024;
/** Longer commands are no faster, and delay others to the guest. */
const WRITE_BYTES = 128 * 1024;

/** A file that the agent has open. */
export class GuestFile {
  readonly #session: Session;
  readonly #handle: unknown;

  private constructor(session: Session, handle: unknown) {
    this.#session = session;
    this.#handle = handle;
  }

  /** Opens a file to read, or makes an empty one to write. Undefined when it, or its folder, does not exist. */
  static async open(session: Session, path: string, mode: 'r' | 'w'): Promise<GuestFile | undefined> {
    try {
      const answer = askAgent(session, patience(session), 'guest-file-open', { path, mode });
      return new GuestFile(session, await answer);
    } catch (error) {
      if (/no such file or directory/i.test(messageOf(error))) return undefined;
      throw error;
    }
  }

  /** Makes an empty file, or empties one; false when there is no folder for it. */
  static async empty(session: Session, path: string): Promise<boolean> {
    const file = await GuestFile.open(session, path, 'w');
    await file?.close();
    return file !== undefined;
  }

  /** The next bytes; none at what is the end for now: the file may grow. */
  async read(): Promise<Buffer> {
    const args = { handle: this.#handle, count: READ_BYTES };
    const answer = await askForObject(this.#session, patience(this.#session), 'guest-file-read', args);
    const data = Buffer.from(String(answer['buf-b64'] ?? ''), 'base64');
    if (data.length === Number(answer.count)) return data;
    throw hostErrors.guestAgentRefused(`the guest agent read ${answer.count} bytes, and sent ${data.length}`);
  }

  async write(data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; at += WRITE_BYTES) {
      const chunk = data.subarray(at, at + WRITE_BYTES);
      await writeChunk(this.#session, this.#handle, chunk, patience(this.#session));
    }
  }

  async close(): Promise<void> {
    await askAgent(this.#session, patience(this.#session), 'guest-file-close', { handle: this.#handle });
  }
}

/** When the agent must have answered one command. */
export function patience({ clock }: Session) {
  return deadlineIn(clock, ANSWER_MS);
}

import { posix } from 'node:path';
import { type Deadline, deadlineIn } from '../../base/deadline.ts';
import { HostError, hostErrors, messageOf } from '../errors/index.ts';
import { execute } from './execute.ts';
import { askAgent, askForObject, reportsFullDisk, type Session, shellScript } from './session.ts';

/**
 * Bytes written by one command. An emulated guest takes 3 MiB/s from 64 KiB on. Larger commands are no faster, and only
 * delay the other commands to the guest.
 */
const chunkBytes = 128 * 1024;

const cleanUpMs = 10_000;

/** Writes a file into the guest; see {@link Guest.writeFile}. */
export async function writeGuestFile(
  session: Session,
  path: string,
  content: AsyncIterable<Uint8Array>,
  deadline: Deadline,
): Promise<void> {
  try {
    await fill(session, path, content, deadline);
  } catch (error) {
    await removeHalf(session, path, error);
    throw reportsFullDisk(messageOf(error)) ? hostErrors.guestDiskFull(path) : error;
  }
}

/** As one answer of the agent carries them. */
const readBytes = 48 * 1024;

/** Reads a part of a file of the guest; see {@link Guest.readFile}. */
export async function readGuestFile(
  session: Session,
  path: string,
  offset: number,
  deadline: Deadline,
): Promise<Buffer | undefined> {
  const handle = await askAgent(session, deadline, 'guest-file-open', { path, mode: 'r' }).catch(
    unlessMissing,
  );
  if (handle === undefined) return undefined;
  try {
    if (offset > 0) await askAgent(session, deadline, 'guest-file-seek', { handle, offset, whence: 'set' });
    const args = { handle, count: readBytes };
    const answer = await askForObject(session, deadline, 'guest-file-read', args);
    return Buffer.from(String(answer['buf-b64'] ?? ''), 'base64');
  } finally {
    // The first error is the one to report.
    await session.agent.command('guest-file-close', { handle }, cleanUpMs).catch(messageOf);
  }
}

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

function isMissing(error: unknown): boolean {
  return /no such file or directory/i.test(messageOf(error));
}

async function fill(
  session: Session,
  path: string,
  content: AsyncIterable<Uint8Array>,
  deadline: Deadline,
): Promise<void> {
  const handle = await openFile(session, path, deadline);
  try {
    for await (const chunk of chunksOf(content, chunkBytes)) {
      await writeChunk(session, handle, chunk, deadline);
    }
  } catch (error) {
    // The first error is the one to report; an agent that is gone has forgotten the handle as well.
    await session.agent.command('guest-file-close', { handle }, cleanUpMs).catch(messageOf);
    throw error;
  }
  await askAgent(session, deadline, 'guest-file-close', { handle });
}

/** Folders are made only when the agent says that they are missing: usually they exist, and that then costs nothing. */
async function openFile(session: Session, path: string, deadline: Deadline): Promise<unknown> {
  const create = () => askAgent(session, deadline, 'guest-file-open', { path, mode: 'w' });
  try {
    return await create();
  } catch (error) {
    if (!isMissing(error)) throw error;
    const argv = shellScript('umask 022; b mkdir -p "$1"', [posix.dirname(path)]);
    const made = await execute(session, argv, undefined, deadline);
    if (made.exitCode !== 0) {
      const title = `make the folder ${posix.dirname(path)}`;
      throw reportsFullDisk(made.stderr)
        ? hostErrors.guestDiskFilled(made.stderr)
        : hostErrors.guestCommandFailed(title, made.exitCode, made.stderr);
    }
    return create();
  }
}

/** Writes to an open file of the guest; the agent may write less than it was given. */
export async function writeChunk(
  session: Session,
  handle: unknown,
  chunk: Buffer,
  deadline: Deadline,
): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const rest = chunk.subarray(written).toString('base64');
    const answer = await askForObject(session, deadline, 'guest-file-write', { handle, 'buf-b64': rest });
    const count = Number(answer.count);
    if (!(count > 0))
      throw hostErrors.guestAgentRefused('the guest agent wrote nothing of what it was given');
    written += count;
  }
}

/** Half a file would keep a full disk full. When the agent is silent, the next try overwrites the file. */
async function removeHalf(session: Session, path: string, cause: unknown): Promise<void> {
  if (cause instanceof HostError && cause.reason === 'AgentUnavailable') return;
  const argv = shellScript('b rm -f "$1"', [path]);
  await execute(session, argv, undefined, deadlineIn(session.clock, cleanUpMs)).catch(messageOf);
}

/** The same bytes in pieces of exactly `size`, the last one shorter; nothing for an empty content. */
export async function* chunksOf(
  content: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const piece of content) {
    held.push(piece);
    heldBytes += piece.length;
    if (heldBytes < size) continue;
    const joined = Buffer.concat(held);
    const whole = joined.length - (joined.length % size);
    for (let start = 0; start < whole; start += size) yield joined.subarray(start, start + size);
    held = [joined.subarray(whole)];
    heldBytes = joined.length - whole;
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}

/** The content of a small file, for `writeFile`. */
export async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield content;
}

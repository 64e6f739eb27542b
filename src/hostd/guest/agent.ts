import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { clipped } from '../../base/clip.ts';
import type { Clock } from '../../base/clock.ts';
import { type Deadline, deadlineIn, orLate, remaining } from '../../base/deadline.ts';
import { isRecord } from '../../base/json.ts';
import { HostError, hostErrors, messageOf } from '../errors/index.ts';
import { linesOf } from './lines.ts';
import { withShortStrings } from './short-strings.ts';

/** Of output, which an answer has in base64 and without limit, 48 KiB of its end are kept. */
const longestStringBytes = 64 * 1024;
/** With such strings. A guest with a thousand network interfaces stays below it. */
const longestAnswerBytes = 1024 * 1024;
const longestRefusalBytes = 1024;

/** First byte of an answer to guest-sync-delimited, and of no other answer; JSON in UTF-8 never contains it. */
const delimiter = 0xff;

/** Pauses between tries to reach the agent, while the guest boots. */
const firstSyncPauseMs = 500;
const longestSyncPauseMs = 4_000;
/** How long an agent that has answered an older try may take to come to the newest. */
const aliveSyncPauseMs = 15_000;

/** The agent works, and refuses a command; the message is the agent's own. */
export class AgentCommandError extends Error {
  constructor(command: string, description: string) {
    super(`the guest agent refuses ${command}: ${clipped(description, longestRefusalBytes)}`);
    this.name = 'AgentCommandError';
  }
}

/** guest-shutdown is answered only when it is refused, and a refusal comes at once. */
const refusalMs = 1_000;

type Connection = {
  readonly stream: Duplex;
  readonly lines: AsyncGenerator<Buffer, void, undefined>;
  /** A read that has begun and is not used yet, so that no line is lost when a wait for it ends early. */
  pending: Promise<IteratorResult<Buffer, void>> | undefined;
};

/**
 * The guest's qemu-guest-agent at the other end of a byte stream (a virtio-serial port's socket, a Xen console). One
 * command at a time, in the order of the calls. Commands fail with an `AgentUnavailable` HostError when no answer comes
 * in time; the stream is then opened again, and no late answer to the old command is taken for one to the new.
 * https://www.qemu.org/docs/master/interop/qemu-ga-ref.html
 */
export class AgentClient {
  readonly #clock: Clock;
  readonly #connect: () => Promise<Duplex>;
  #connection: Connection | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(clock: Clock, connect: () => Promise<Duplex>) {
    this.#clock = clock;
    this.#connect = connect;
  }

  /** Resolves with the command's `return`; rejects with an AgentCommandError when the agent refuses it. */
  command(name: string, args: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<unknown> {
    return this.#inTurn(timeoutMs, async (deadline) => {
      const connection = await this.#ready(deadline);
      await write(connection.stream, `${JSON.stringify({ execute: name, arguments: args })}\n`);
      const answer = await this.#line(connection, remaining(this.#clock, deadline));
      if (answer === undefined) throw this.#silent(deadline);
      return resultOf(name, answer);
    });
  }

  /** Gives a command that is answered only when it is refused (guest-shutdown); waits a moment for a refusal. */
  tell(name: string, args: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<void> {
    return this.#inTurn(timeoutMs, async (deadline) => {
      const connection = await this.#ready(deadline);
      await write(connection.stream, `${JSON.stringify({ execute: name, arguments: args })}\n`);
      const waitMs = Math.min(refusalMs, remaining(this.#clock, deadline));
      const answer = await this.#line(connection, waitMs).catch(() => undefined);
      // A later answer must not be taken for the answer to another command.
      this.close();
      if (answer !== undefined) resultOf(name, answer);
    });
  }

  /** Ends the connection; the next command opens a new one. */
  close(): void {
    this.#connection?.stream.destroy();
    this.#connection = undefined;
  }

  /**
   * Ends the connection for good: commands fail from now on. Abandoned work would otherwise connect again, and occupy the
   * only connection that a hypervisor serves.
   */
  end(): void {
    this.#ended = true;
    this.close();
  }

  async #inTurn<T>(timeoutMs: number, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    const deadline = deadlineIn(this.#clock, timeoutMs);
    const before = this.#queue;
    let givenUp = false;
    const turn = before.then(() => {
      if (givenUp) throw this.#silent(deadline);
      return this.#orUnavailable(deadline, work);
    });
    this.#queue = turn.catch(() => undefined);
    if ((await orLate(this.#clock, before, timeoutMs)) === 'late') {
      givenUp = true;
      throw this.#silent(deadline);
    }
    return turn;
  }

  /** Anything but a refusal leaves the stream in an unknown state, so it is closed. */
  async #orUnavailable<T>(deadline: Deadline, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    try {
      const result = await orLate(this.#clock, work(deadline), remaining(this.#clock, deadline));
      if (result === 'late') throw this.#silent(deadline);
      return result;
    } catch (error) {
      if (error instanceof AgentCommandError) throw error;
      this.close();
      throw error instanceof HostError ? error : hostErrors.agentUnavailable(messageOf(error));
    }
  }

  /** A connection on which the agent has answered, and on which no answer to an earlier command can still arrive. */
  async #ready(deadline: Deadline): Promise<Connection> {
    const known = this.#connection;
    if (known !== undefined && !known.stream.destroyed && !known.stream.readableEnded) return known;
    if (this.#ended) throw this.#over();
    const stream = await this.#connect();
    if (this.#ended || remaining(this.#clock, deadline) === 0) {
      // Nobody waits for this connection any more, and another command may have its own by now.
      stream.destroy();
      throw this.#ended ? this.#over() : this.#silent(deadline);
    }
    // The iterator reports the error to the reader of the next line; without a listener here it would end the process.
    stream.on('error', () => stream.destroy());
    const connection = { stream, lines: answersIn(stream), pending: undefined };
    this.#connection = connection;
    await this.#synchronise(connection, deadline);
    return connection;
  }

  /**
   * Asks for an echo until one comes, with a new number each time: the agent may not run yet, or may still be at work for
   * an earlier client. Only the echo of the newest number shows that no earlier answer can still arrive; an older one shows
   * that the agent runs and will come to the newest.
   */
  async #synchronise(connection: Connection, deadline: Deadline): Promise<void> {
    const asked = new Set<number>();
    for (let pauseMs = firstSyncPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestSyncPauseMs)) {
      const newest = randomInt(2 ** 31);
      asked.add(newest);
      await write(connection.stream, syncRequest(newest));
      let until = Math.min(this.#clock.monotonic() + pauseMs, deadline.at);
      while (this.#clock.monotonic() < until) {
        const line = await this.#line(connection, until - this.#clock.monotonic());
        const echo = line === undefined ? undefined : echoIn(line);
        if (echo === newest) return;
        if (echo !== undefined && asked.has(echo)) {
          until = Math.min(this.#clock.monotonic() + aliveSyncPauseMs, deadline.at);
        }
      }
      if (remaining(this.#clock, deadline) === 0) throw this.#silent(deadline);
    }
  }

  /** The next line, or undefined when none came within `waitMs`. */
  async #line(connection: Connection, waitMs: number): Promise<Buffer | undefined> {
    connection.pending ??= connection.lines.next();
    const read = await orLate(this.#clock, connection.pending, waitMs);
    if (read === 'late') return undefined;
    connection.pending = undefined;
    if (read.done === true) throw new Error('the connection to it was closed');
    return read.value;
  }

  #over(): HostError {
    return hostErrors.agentUnavailable('the connection to it was ended');
  }

  #silent(deadline: Deadline): HostError {
    return hostErrors.agentUnavailable(`no answer within ${Math.round(deadline.totalMs / 100) / 10} s`);
  }
}

/** What the guest says, bounded where it comes in. */
function answersIn(stream: Duplex): AsyncGenerator<Buffer, void, undefined> {
  return linesOf(withShortStrings(stream, longestStringBytes), longestAnswerBytes);
}

function write(stream: Duplex, data: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

/** The leading byte, which JSON never contains, makes the agent drop what it has received of an unfinished command. */
function syncRequest(id: number): Buffer {
  const request = JSON.stringify({ execute: 'guest-sync-delimited', arguments: { id } });
  return Buffer.concat([Buffer.of(delimiter), Buffer.from(`${request}\n`)]);
}

/** The number in an answer to guest-sync-delimited; undefined for any other line. */
function echoIn(line: Buffer): number | undefined {
  const start = line.lastIndexOf(delimiter);
  if (start === -1) return undefined;
  const message = parsed(line.subarray(start + 1));
  return typeof message?.return === 'number' ? message.return : undefined;
}

function resultOf(command: string, line: Buffer): unknown {
  const message = parsed(line);
  if (message !== undefined && 'return' in message) return message.return;
  const error = message?.error;
  if (isRecord(error) && 'desc' in error) {
    throw new AgentCommandError(command, String(error.desc));
  }
  throw new Error(`its answer to ${command} cannot be understood: ${line.toString('utf8', 0, 200)}`);
}

function parsed(line: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line.toString());
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

import { randomBytes } from 'node:crypto';
import { deadlineIn } from '../../../base/deadline.ts';
import { HostError, hostErrors, messageOf } from '../../errors/index.ts';
import { execute, programResult, startProgram, untilEnded } from '../execute.ts';
import type { Guest, GuestExecResult, PreparedProgram, ProgramStreams } from '../guest.ts';
import { reportsFullDisk, type Session } from '../session.ts';
import { GuestFile, patience } from './files.ts';
import { InputSegments } from './input-segments.ts';
import { OutputSegments } from './output-segments.ts';
import { finishScript, prepareScript, resizeScript, wrapperScript } from './scripts.ts';

/** The pauses between two looks while nothing comes; they grow from the first to the longest. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;
/** Whether the program has ended is asked no more often. */
const STATUS_MS = 100;

const WATCH_MS = 60_000;
/** Signs of life in the time after which the watcher ends the program. */
const SIGNS = 6;

const FINISH_MS = 20_000;
const RESIZE_MS = 5_000;

/** See {@link Guest.prepare}. */
export async function prepareProgram(
  session: Session,
  options: Parameters<Guest['prepare']>[0],
): Promise<PreparedProgram> {
  const { terminal, timeoutMs, watchMs = WATCH_MS } = options;
  const deadline = deadlineIn(session.clock, timeoutMs);
  const { exitCode, stdout, stderr } = await execute(session, prepareScript(), undefined, deadline);
  const [parent, hasTerminal] = stdout.trim().split(' ');
  if (exitCode !== 0 || parent === undefined) {
    throw hostErrors.guestCommandFailed('find a folder for the streams', exitCode, stderr);
  }
  if (terminal && hasTerminal !== 'true') throw hostErrors.noTerminal();
  return {
    run: (argv, streams, signal) => {
      const directory = `${parent}/exec-${randomBytes(12).toString('hex')}`;
      return run(session, directory, argv, streams, watchMs, signal);
    },
  };
}

async function run(
  session: Session,
  directory: string,
  argv: readonly string[],
  streams: ProgramStreams,
  watchMs: number,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const { input, terminal } = streams;
  const size = terminal?.size;
  const script = wrapperScript({ argv, directory, input: input !== undefined, terminal: size, watchMs });
  const pid = await startProgram(session, script, undefined, patience(session));
  const program = new RunningProgram(session, pid, directory, streams, watchMs);
  let isSilent = false;
  try {
    return await program.untilEnded(signal);
  } catch (error) {
    isSilent = error instanceof HostError && error.reason === 'AgentUnavailable';
    throw diskFullOr(error);
  } finally {
    // What a silent agent cannot remove the watcher does, which also ends what `close` could not.
    if (!isSilent) await program.close().catch(messageOf);
  }
}

function diskFullOr(error: unknown): unknown {
  const message = messageOf(error);
  const isRefusal = error instanceof HostError && error.reason === 'GuestAgentRefused';
  return isRefusal && reportsFullDisk(message) ? hostErrors.guestDiskFilled(message) : error;
}

/** One program in the guest, and the exchange of its streams: one command to the agent at a time, so that others get their turns. */
class RunningProgram {
  readonly #session: Session;
  readonly #pid: number;
  readonly #directory: string;
  readonly #streams: ProgramStreams;
  readonly #signMs: number;
  readonly #input: InputSegments | undefined;
  readonly #outputs: readonly (readonly ['stdout' | 'stderr', OutputSegments])[];
  #signAt = 0;
  #askedAt = 0;
  #result: GuestExecResult | undefined;

  constructor(session: Session, pid: number, directory: string, streams: ProgramStreams, watchMs: number) {
    this.#session = session;
    this.#pid = pid;
    this.#directory = directory;
    this.#streams = streams;
    this.#signMs = watchMs / SIGNS;
    this.#input =
      streams.input === undefined ? undefined : new InputSegments(session, directory, streams.input);
    this.#outputs = [
      ['stdout', new OutputSegments(session, `${directory}/out`)],
      ['stderr', new OutputSegments(session, `${directory}/err`)],
    ];
  }

  /** Resolves with its exit code when it has ended and all of its output was passed on. Rejects as soon as the signal fires. */
  async untilEnded(signal: AbortSignal): Promise<number> {
    const { clock } = this.#session;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.6, LONGEST_PAUSE_MS)) {
      signal.throwIfAborted();
      await this.#giveSign();
      await this.#resize();
      const over = this.#result !== undefined;
      const came = await this.#exchange(over);
      if (came) pauseMs = FIRST_PAUSE_MS / 1.6;
      else if (over && !this.#streams.output.full) return exitCodeOf(this.#result);
      else if (over || !(await this.#hasEnded())) {
        if (await this.#streams.changed.pause(pauseMs, clock, signal)) pauseMs = FIRST_PAUSE_MS / 1.6;
      }
    }
  }

  /** Ends what still runs, and leaves nothing in the guest. */
  async close(): Promise<void> {
    const deadline = deadlineIn(this.#session.clock, FINISH_MS);
    await execute(this.#session, finishScript(this.#pid, this.#directory), undefined, deadline);
    await this.#input?.close();
    for (const [, output] of this.#outputs) await output.close();
    // The agent keeps a result until it was asked for.
    if (this.#result === undefined) await untilEnded(this.#session, this.#pid, deadline);
  }

  /** Passes on what there is, in both directions; whether there was any. */
  async #exchange(over: boolean): Promise<boolean> {
    let came = !over && (await this.#input?.advance()) === true;
    for (const [name, segments] of this.#outputs) {
      const data = this.#streams.output.full ? undefined : await segments.read();
      if (data === undefined) continue;
      this.#streams.output.write(name, data);
      came = true;
    }
    return came;
  }

  async #hasEnded(): Promise<boolean> {
    const now = this.#session.clock.monotonic();
    if (now - this.#askedAt < STATUS_MS) return false;
    this.#askedAt = now;
    this.#result = await programResult(this.#session, this.#pid, patience(this.#session));
    return this.#result !== undefined;
  }

  /** The watcher in the guest ends a program whose daemon has died. */
  async #giveSign(): Promise<void> {
    const now = this.#session.clock.monotonic();
    if (now < this.#signAt) return;
    // The folder may not be there yet, or no longer; the program's result tells.
    if (await GuestFile.empty(this.#session, `${this.#directory}/alive`)) this.#signAt = now + this.#signMs;
  }

  async #resize(): Promise<void> {
    const size = this.#streams.terminal?.takeChange();
    if (size === undefined) return;
    const deadline = deadlineIn(this.#session.clock, RESIZE_MS);
    // A terminal of another size still works.
    await execute(this.#session, resizeScript(this.#directory, size), undefined, deadline).catch(messageOf);
  }
}

/** The wrapper prints the program's exit code, and ends with another than 0 when it could not do its own work. */
function exitCodeOf(result: GuestExecResult | undefined): number {
  const code = /^exit (\d+)$/m.exec(result?.stdout ?? '')?.[1];
  if (code !== undefined) return Number(code);
  const { exitCode = 1, stderr = '' } = result ?? {};
  throw reportsFullDisk(stderr)
    ? hostErrors.guestDiskFilled(stderr)
    : hostErrors.guestCommandFailed('carry the streams of a program', exitCode, stderr);
}

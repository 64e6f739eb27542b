import { Wake } from '../../base/wake.ts';
import { type ExecParameters, execParameters } from '../../host/schemas.ts';
import { exitStatus, type StreamStatus, type TerminalSize } from '../../host/streams.ts';
import { hostErrors } from '../errors/index.ts';
import type { PreparedProgram, ProgramStreams } from '../guest/guest.ts';
import { validator } from '../validate.ts';
import type { Channels, Stream } from './channels.ts';
import type { RouteContext } from './context.ts';
import { ProgramChannels } from './program-channels.ts';

/** Programs in one guest at the same time: they share its agent, with each other and with the daemon's own work. */
const MOST_PROGRAMS = 8;
const LONGEST_COMMAND_BYTES = 64 * 1024;
const LONGEST_SECONDS = 86_400;

/** How long the guest's agent may take to answer before anything is run. */
const PREPARE_MS = 20_000;
/** How long the terminal's size is waited for before the program starts. */
const SIZE_MS = 1_000;
const DEFAULT_SIZE: TerminalSize = { Width: 80, Height: 24 };

/** `GET /v1/appliances/{uuid}/exec`: opens a stream to a program in the guest. */
export function execStreams(
  context: RouteContext,
): (uuid: string, query: URLSearchParams) => Promise<Stream> {
  const programs = new Map<string, number>();
  const check = validator<ExecParameters>(execParameters);
  return async (uuid, searchParams) => {
    const query = check(queryOf(searchParams));
    checkCommand(query.command);
    checkTimeout(query);
    const directory = context.appliances.directoryOf(uuid);
    if (directory === undefined) throw hostErrors.noSuchAppliance(uuid);
    const count = programs.get(uuid) ?? 0;
    if (count >= MOST_PROGRAMS) throw hostErrors.tooManyExecs(uuid, MOST_PROGRAMS);
    programs.set(uuid, count + 1);
    const guest = context.driver.guest(uuid, directory.path);
    const release = () => {
      guest.close();
      const left = (programs.get(uuid) ?? 1) - 1;
      if (left === 0) programs.delete(uuid);
      else programs.set(uuid, left);
    };
    try {
      const terminal = query.tty === 'true';
      const program = await guest.prepare({ terminal, timeoutMs: PREPARE_MS });
      return new ExecStream(context, query, program, release);
    } catch (error) {
      release();
      throw error;
    }
  };
}

class ExecStream implements Stream {
  readonly #context: RouteContext;
  readonly #query: ExecParameters;
  readonly #program: PreparedProgram;
  readonly #release: () => void;
  readonly #gone = new AbortController();
  #runs = false;

  constructor(context: RouteContext, query: ExecParameters, program: PreparedProgram, release: () => void) {
    this.#context = context;
    this.#query = query;
    this.#program = program;
    this.#release = release;
  }

  async run(channels: Channels): Promise<StreamStatus> {
    this.#runs = true;
    const { clock, stopping } = this.#context;
    const seconds = Number(this.#query.timeoutSeconds ?? 0);
    const end = new AbortController();
    const cancel =
      seconds === 0
        ? undefined
        : clock.schedule(seconds * 1000, () => end.abort(hostErrors.execTimeout(seconds)));
    const stop = () => end.abort(hostErrors.stopping());
    stopping.addEventListener('abort', stop, { once: true });
    if (stopping.aborted) stop();
    try {
      const signal = AbortSignal.any([end.signal, this.#gone.signal]);
      const streams = await this.#streams(channels, signal);
      return exitStatus(await this.#program.run(this.#query.command, streams, signal));
    } finally {
      cancel?.();
      stopping.removeEventListener('abort', stop);
      this.#release();
    }
  }

  close(): void {
    if (!this.#runs) this.#release();
    this.#runs = true;
    this.#gone.abort(hostErrors.callerGone());
  }

  async #streams(channels: Channels, signal: AbortSignal): Promise<ProgramStreams> {
    const changed = new Wake();
    const peer = new ProgramChannels(channels, changed, this.#query.stdin === 'true');
    channels.receive(peer);
    const streams = { input: peer.input, output: peer.output, changed };
    if (this.#query.tty !== 'true') return streams;
    const sizeBy = this.#context.clock.monotonic() + SIZE_MS;
    let size = peer.takeSize();
    for (
      let left = SIZE_MS;
      size === undefined && left > 0;
      left = sizeBy - this.#context.clock.monotonic()
    ) {
      await changed.pause(left, this.#context.clock, signal);
      size = peer.takeSize();
    }
    const terminal = { size: size ?? DEFAULT_SIZE, takeChange: () => peer.takeSize() };
    return { ...streams, terminal };
  }
}

/** A parameter that is repeated becomes a list, which only `command` may be. */
function queryOf(parameters: URLSearchParams): Readonly<Record<string, unknown>> {
  const lists = new Map<string, string[]>([['command', []]]);
  for (const [name, value] of parameters) {
    const list = lists.get(name);
    if (list === undefined) lists.set(name, [value]);
    else list.push(value);
  }
  const entries = [...lists].map(
    ([name, values]) => [name, name === 'command' || values.length > 1 ? values : values[0]] as const,
  );
  return Object.fromEntries(entries);
}

function checkTimeout({ timeoutSeconds = '0' }: ExecParameters): void {
  if (Number(timeoutSeconds) <= LONGEST_SECONDS) return;
  const message = `timeoutSeconds is ${timeoutSeconds}: at most ${LONGEST_SECONDS}, a day, or 0 for no limit`;
  throw hostErrors.invalidRequest(message, '/timeoutSeconds');
}

function checkCommand(command: readonly string[]): void {
  if (!command[0]) {
    throw hostErrors.invalidRequest(
      'command names no program: give it, and each of its arguments, as `command`',
      '/command',
    );
  }
  const bytes = command.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0);
  if (bytes > LONGEST_COMMAND_BYTES) {
    const message = `command has ${bytes} bytes: at most ${LONGEST_COMMAND_BYTES} are passed; send the rest as its input`;
    throw hostErrors.invalidRequest(message, '/command');
  }
  if (command.some((word) => word.includes('\0'))) {
    throw hostErrors.invalidRequest('command has a NUL, which no word of a command can have', '/command');
  }
}

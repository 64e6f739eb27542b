import type { Wake } from '../../base/wake.ts';
import type { TerminalSize } from '../../host/streams.ts';

/** Result of a command in the guest; of long output only the last 48 KiB. */
export type GuestExecResult = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** A network interface as the guest's agent reports it; the MAC address in lower case. */
export type GuestInterface = {
  readonly name: string;
  readonly mac?: string;
  readonly addresses: readonly { readonly address: string; readonly prefixLength: number }[];
};

/** What a program reads. Nothing here waits. */
export interface ProgramInput {
  /** What has come since the last call; undefined when that is nothing. */
  take(): Buffer | undefined;
  /** Nothing will come any more. */
  readonly ended: boolean;
}

/** Where a program's outputs go. */
export interface ProgramOutput {
  /** Its reader is behind; the program then has to wait. */
  readonly full: boolean;
  write(name: 'stdout' | 'stderr', data: Buffer): void;
}

export interface ProgramTerminal {
  /** When the program starts. */
  readonly size: TerminalSize;
  /** Another size, if it has changed since the last call. */
  takeChange(): TerminalSize | undefined;
}

export type ProgramStreams = {
  /** Without, it reads from /dev/null. */
  readonly input?: ProgramInput | undefined;
  readonly output: ProgramOutput;
  /** With one, both outputs are `stdout`. */
  readonly terminal?: ProgramTerminal | undefined;
  /** Called when input, output or terminal have something new. */
  readonly changed: Wake;
};

/** A guest that was found able to run a program with streams. */
export interface PreparedProgram {
  /**
   * Runs a program to its end; resolves with its exit code (128 and the signal's number after a signal) when its outputs were closed and
   * passed on. When the signal fires, ends it and all that it started, and rejects with the signal's reason. If the daemon dies, the
   * guest itself does that. Rejects with `AgentUnavailable`, `GuestDiskFull` or `GuestCommandFailed`.
   */
  run(argv: readonly string[], streams: ProgramStreams, signal: AbortSignal): Promise<number>;
}

/**
 * One guest, reached through the agent in it. Every call has its own time limit and rejects with a `HostError`
 * of reason `AgentUnavailable` when the agent does not answer in time; the connection is then made again.
 */
export interface Guest {
  /** Resolves when the agent answers. */
  ping(timeoutMs: number): Promise<void>;
  /**
   * @param options `input`: what the program reads, a few KiB at most; unlike arguments, neither the guest's processes nor its logs show
   * it. `silentMs`: how long the agent may take for an answer while the program runs, before it counts as gone; as long as the program
   * unless given
   */
  exec(
    argv: readonly string[],
    options: {
      readonly env?: Readonly<Record<string, string>>;
      readonly input?: Uint8Array;
      readonly silentMs?: number;
      readonly timeoutMs: number;
    },
  ): Promise<GuestExecResult>;
  /**
   * Writes a file into the guest from the chunks, with the mode that the agent gives; missing folders are made. It is
   * written straight into its place, because running a program in a guest takes longer than writing most files: half a
   * file, which an interrupted write leaves there, must do no harm. Rejects with reason `GuestDiskFull` when it does not fit.
   */
  writeFile(
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly timeoutMs: number },
  ): Promise<void>;
  /**
   * What a file of the guest holds from `offset` on, at most 48 KiB at once; empty at its end. Undefined when there is no such file.
   */
  readFile(
    path: string,
    options: { readonly offset: number; readonly timeoutMs: number },
  ): Promise<Buffer | undefined>;
  /**
   * Finds out how this guest runs a program with streams. Rejects with `NoTerminal` when it cannot give the terminal asked for.
   * @param options `watchMs`: after which time without a sign of life of the daemon the guest ends the program; default a minute
   */
  prepare(options: {
    readonly terminal: boolean;
    readonly timeoutMs: number;
    readonly watchMs?: number;
  }): Promise<PreparedProgram>;
  interfaces(timeoutMs: number): Promise<readonly GuestInterface[]>;
  /** Asks the guest to power off; does not wait. */
  shutdown(timeoutMs: number): Promise<void>;
  close(): void;
}

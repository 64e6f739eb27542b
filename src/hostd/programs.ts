import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { hostErrors } from './errors/index.ts';

/** The path of a program: `program` itself if it is a path, else the first match in `searchPath` (as `PATH`). */
export async function locate(program: string, searchPath: string): Promise<string | undefined> {
  const places = program.includes('/')
    ? [program]
    : searchPath.split(delimiter).map((place) => join(place, program));
  for (const place of places) {
    if (await isExecutable(place)) return place;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

export type ProgramResult = {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** It printed more than is kept, and was ended for that. */
  readonly overflowed: boolean;
};

type RunOptions = {
  readonly directory?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What the program reads from its standard input. */
  readonly input?: string;
};

const KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Runs a program to its end. Resolves whatever the exit code; rejects when it cannot be started, or `signal` aborts it. It is gone
 * when the promise settles, whichever way.
 */
export function runProgram(
  program: string,
  argv: readonly string[],
  { directory, timeoutMs = 0, signal, environment, input }: RunOptions = {},
): Promise<ProgramResult> {
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const env = environment === undefined ? process.env : { ...process.env, ...environment };
    const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: KEPT_BYTES } as const;
    // execFile's own `signal` would report the abort while the program is still there.
    const abort = () => child.kill('SIGKILL');
    const child = execFile(program, argv, { cwd: directory, env, ...limits }, (error, stdout, stderr) => {
      signal?.removeEventListener('abort', abort);
      const overflowed = error?.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER';
      if (error?.code === 'ENOENT') reject(hostErrors.hypervisorMissing(program));
      else if (signal?.aborted === true) reject(signal.reason);
      else if (typeof error?.code === 'string' && !overflowed) reject(error);
      else {
        const timedOut = error?.killed === true && !overflowed;
        const ending = { exitCode: child.exitCode ?? undefined, signal: child.signalCode ?? undefined };
        resolve({ ...ending, stdout, stderr, timedOut, overflowed });
      }
    });
    if (input !== undefined) {
      // A program that does not read it says by its end why.
      child.stdin?.on('error', () => child.stdin?.destroy());
      child.stdin?.end(input);
    }
    signal?.addEventListener('abort', abort, { once: true });
  });
}

export type Limits = {
  /** Of its address space. */
  readonly memoryBytes: number;
  /** How large a file it may write. */
  readonly fileBytes?: number | undefined;
};

/**
 * The command line by which a program that reads what strangers wrote runs with limits, and never outlives this process, which
 * alone would end it in time. Rejects with `ProgramMissing` where util-linux is missing.
 * @param program its path
 */
export async function limited(
  program: string,
  argv: readonly string[],
  searchPath: string,
  { memoryBytes, fileBytes }: Limits,
): Promise<{ readonly program: string; readonly argv: readonly string[] }> {
  const limiter = async (name: string) => {
    const found = await locate(name, searchPath);
    if (found === undefined) throw hostErrors.limiterMissing(name);
    return found;
  };
  const file = fileBytes === undefined ? [] : [`--fsize=${Math.max(0, Math.floor(fileBytes))}`];
  const alone = [await limiter('setpriv'), '--pdeathsig', 'KILL', program, ...argv];
  return { program: await limiter('prlimit'), argv: [`--as=${memoryBytes}`, ...file, ...alone] };
}

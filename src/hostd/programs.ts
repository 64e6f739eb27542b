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
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
};

type RunOptions = { readonly directory?: string; readonly timeoutMs?: number; readonly signal?: AbortSignal };

/** Runs a program to its end. Resolves whatever the exit code; rejects when it cannot be started, or `signal` aborts it. */
export function runProgram(
  program: string,
  argv: readonly string[],
  { directory, timeoutMs = 0, signal }: RunOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      argv,
      { cwd: directory, signal, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error?.code === 'ENOENT') reject(hostErrors.hypervisorMissing(program));
        else if (signal?.aborted === true) reject(signal.reason);
        else if (typeof error?.code === 'string') reject(error);
        else
          resolve({
            exitCode: child.exitCode ?? undefined,
            stdout,
            stderr,
            timedOut: error?.killed === true,
          });
      },
    );
  });
}

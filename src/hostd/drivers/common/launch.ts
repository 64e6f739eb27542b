import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, hostErrors, messageOf } from '../../errors/index.ts';

/** A longer log is emptied at the next launch. */
const longestLogBytes = 256 * 1024;
/** Of what a program printed, its end is read: a guest may make its hypervisor print without end. */
const longestOutputBytes = 16 * 1024;

/** How a launched program ended; `output` is what it printed, with the exit code or signal. */
export type Ending = { readonly exitCode: number | undefined; readonly output: string };

type Launched = {
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** Lets the daemon end while the program still runs. */
  release(): void;
};

/**
 * Starts a program in the VM's folder, in a session of its own, with its output in the file `log` there. It outlives the daemon, and
 * signals to the daemon's terminal or process group do not reach it.
 */
export async function launch(
  program: string,
  argv: readonly string[],
  { directory, log: name }: { readonly directory: string; readonly log: string },
): Promise<Launched> {
  const path = join(directory, name);
  const log = await open(path, 'a+', 0o600);
  try {
    const start = await lengthBeforeLaunch(log);
    const child = spawn(program, argv, {
      cwd: directory,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await started(child, program);
    const ended = new Promise<Ending>((resolve) => {
      child.once('exit', async (code, signal) => {
        const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
        resolve({ exitCode: code ?? undefined, output: await outputSince(path, start, end) });
      });
    });
    if (child.pid === undefined) throw new Error(`${program} was started but has no process id`);
    return { pid: child.pid, ended, release: () => child.unref() };
  } finally {
    await log.close();
  }
}

async function lengthBeforeLaunch(log: Awaited<ReturnType<typeof open>>): Promise<number> {
  const { size } = await log.stat();
  if (size <= longestLogBytes) return size;
  await log.truncate(0);
  return 0;
}

function started(child: ChildProcess, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) =>
      reject(codeOf(error) === 'ENOENT' ? hostErrors.hypervisorMissing(program) : error),
    );
  });
}

async function outputSince(path: string, start: number, end: string): Promise<string> {
  try {
    const log = await open(path, 'r');
    try {
      const { size } = await log.stat();
      // A log that is shorter than it was has been cut meanwhile: all that is left is newer.
      const from = Math.max(start <= size ? start : 0, size - longestOutputBytes);
      const { buffer, bytesRead } = await log.read(Buffer.alloc(size - from), 0, null, from);
      const output = buffer.subarray(0, bytesRead).toString().trim();
      return output === '' ? `it ended with ${end} and no output` : `${output} (${end})`;
    } finally {
      await log.close();
    }
  } catch (error) {
    return `it ended with ${end}; its log cannot be read: ${messageOf(error)}`;
  }
}

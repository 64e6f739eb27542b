import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, hostErrors, messageOf } from '../../errors.ts';
import { vmFiles } from './files.ts';

/** Beyond this the log starts anew with the next start of the VM. */
const longestLogBytes = 256 * 1024;

type Launched = {
  readonly pid: number;
  /** Resolves with QEMU's own words when it ended. */
  readonly ended: Promise<string>;
  /** Lets the daemon end although QEMU runs on. */
  release(): void;
};

/**
 * Starts QEMU in the VM's folder as a session of its own, with its messages in a file: no end of the daemon, and no
 * signal to the daemon's terminal or process group, reaches it.
 */
export async function launch(program: string, argv: readonly string[], directory: string): Promise<Launched> {
  const log = await open(join(directory, vmFiles.log), 'a+', 0o600);
  try {
    const start = await startOfMessages(log);
    const child = spawn(program, argv, {
      cwd: directory,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await started(child, program);
    const ended = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(lastWords(directory, start, code, signal)));
    });
    if (child.pid === undefined) throw new Error(`${program} was started and has no process number`);
    return { pid: child.pid, ended, release: () => child.unref() };
  } finally {
    await log.close();
  }
}

async function startOfMessages(log: Awaited<ReturnType<typeof open>>): Promise<number> {
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

async function lastWords(
  directory: string,
  start: number,
  code: number | null,
  signal: NodeJS.Signals | null,
): Promise<string> {
  const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
  try {
    const log = await open(join(directory, vmFiles.log), 'r');
    try {
      const { size } = await log.stat();
      const { buffer, bytesRead } = await log.read(Buffer.alloc(Math.max(0, size - start)), 0, null, start);
      const words = buffer.subarray(0, bytesRead).toString().trim();
      return words === '' ? `QEMU ended with ${end} and said nothing` : `${words} (${end})`;
    } finally {
      await log.close();
    }
  } catch (error) {
    return `QEMU ended with ${end}; its log cannot be read: ${messageOf(error)}`;
  }
}

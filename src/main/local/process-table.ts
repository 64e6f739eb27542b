import { readdir, readFile } from 'node:fs/promises';

/** Identifies a process: a pid may be reused, but not with the same start time. */
export type ProcessIdentity = { readonly pid: number; readonly startTime: string };

/** The process that has this pid now; undefined when there is none (or it is a zombie). */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readOfProcess(pid, 'stat');
  if (stat === undefined) return undefined;
  // The command, in parentheses, may contain blanks and parentheses: the fields come after the last one.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Start time in clock ticks since boot: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const startTime = fields[18];
  return state === 'Z' || startTime === undefined ? undefined : { pid, startTime };
}

/** The pids of all processes whose arguments, the program's name among them, satisfy `matches`; the oldest pid first. */
export async function findProcesses(matches: (argv: readonly string[]) => boolean): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const argv = (await readOfProcess(pid, 'cmdline'))?.split('\0').slice(0, -1) ?? [];
      return argv.length > 0 && matches(argv);
    }),
  );
  return pids.filter((_, at) => found[at]).sort((left, right) => left - right);
}

/** Sends a signal; does nothing when the process is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function readOfProcess(pid: number, file: 'stat' | 'cmdline'): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

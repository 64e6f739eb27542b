import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const GONE = new Set(['ENOENT', 'ESRCH']);
const POLL_MS = 50;

/** A process of this machine, by what it was started with. */
export interface RunningProcess {
  readonly pid: number;
  readonly argv: readonly string[];
}

/** Every process that names `path`, or something below it, in its arguments. */
export async function processesNaming(path: string): Promise<readonly RunningProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ({ pid, argv: await argumentsOf(pid) })));
  return found.filter(({ argv }) => argv.some((argument) => argument.includes(path)));
}

/** Whether it is a VM rather than one of Coppice's own programs. */
export function isQemu({ argv }: RunningProcess): boolean {
  return basename(argv[0] ?? '').startsWith('qemu-system-');
}

/** Ends a process without asking it, and waits until it is gone. One that has ended already is as well. */
export async function killAndWait(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  while ((await argumentsOf(pid)).length > 0) await delay(POLL_MS);
}

/** Empty when there is no such process, or only what is left of one that has ended. */
async function argumentsOf(pid: number): Promise<readonly string[]> {
  try {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return text.split('\0').filter((argument) => argument !== '');
  } catch (error) {
    if (GONE.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Bytes of memory that the process has now. */
export async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors/index.ts';

/** The kernel's clock tick, in which /proc counts: 100 per second on every Linux that runs Node. */
const MILLIS_PER_TICK = 10;
/** Fields of /proc/PID/stat that follow the command's name: the first is field 3, the start time is field 22. */
const START_TIME = 22 - 3;

/**
 * Milliseconds since a process was started, by the kernel's own clock, which nobody can set; undefined when it has ended.
 * https://docs.kernel.org/filesystems/proc.html
 */
export async function processAgeMs(pid: number, proc = '/proc'): Promise<number | undefined> {
  try {
    const stat = await readFile(join(proc, String(pid), 'stat'), 'utf8');
    const uptimeSeconds = Number.parseFloat(await readFile(join(proc, 'uptime'), 'utf8'));
    // The command's name, in parentheses, may hold blanks and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Math.max(0, uptimeSeconds * 1000 - Number(fields[START_TIME]) * MILLIS_PER_TICK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

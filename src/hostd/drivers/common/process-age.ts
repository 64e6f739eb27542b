import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors/index.ts';

/** The kernel's clock tick, in which /proc counts: 100 per second on every Linux that runs Node. */
const MILLIS_PER_TICK = 10;
/** Both times are rounded: a process that was just started may seem to begin a moment later. */
const ROUNDING_MS = 100;
/** Fields of /proc/PID/stat that follow the command's name: the first is field 3, the start time is field 22. */
const START_TIME = 22 - 3;

/**
 * Milliseconds since a process was started, by the kernel's own clock, which nobody can set; undefined when it has ended, or
 * when the two files do not go together: in some containers /proc/uptime counts from the start of the container.
 * https://docs.kernel.org/filesystems/proc.html
 */
export async function processAgeMs(pid: number, proc = '/proc'): Promise<number | undefined> {
  try {
    const stat = await readFile(join(proc, String(pid), 'stat'), 'utf8');
    const uptimeSeconds = Number.parseFloat(await readFile(join(proc, 'uptime'), 'utf8'));
    // The command's name, in parentheses, may hold blanks and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ageMs = uptimeSeconds * 1000 - Number(fields[START_TIME]) * MILLIS_PER_TICK;
    return ageMs < -ROUNDING_MS ? undefined : Math.max(0, ageMs);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

import { readFile } from 'node:fs/promises';

const MIB = 1024 * 1024;
/** USER_HZ, in which /proc counts CPU time: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time that a process has used since its start. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process, with what it shares with others. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = /^Rss:\s+(\d+) kB$/m.exec(status)?.[1];
  return (Number(kilobytes) * 1024) / MIB;
}

import { readdir, readFile } from 'node:fs/promises';
import { type Clock, sleep } from '../../../base/clock.ts';
import { isSameJson } from '../../../base/equality.ts';
import { codeOf } from '../../errors/index.ts';
import { ifReadable } from '../../files/if-there.ts';

/** A running program, as /proc shows it. */
export type FoundProcess = { readonly pid: number; readonly arguments: readonly string[] };

/** How long a process may take to end after SIGTERM, and then after SIGKILL, in milliseconds. */
type EndLimits = { readonly orderlyMs: number; readonly killMs: number };

/** Every process of this machine that this user may look at; zombies, which have no arguments, are left out. */
export async function allProcesses(): Promise<readonly FoundProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(findProcess));
  return found.filter((process) => process !== undefined);
}

/** Undefined for a process that does not exist, has no arguments (a zombie, a kernel thread), or ends meanwhile. */
export async function findProcess(pid: number): Promise<FoundProcess | undefined> {
  const line = await ifReadable(readFile(`/proc/${pid}/cmdline`, 'utf8'));
  const argv = (line ?? '').split('\0').slice(0, -1);
  return argv.length === 0 ? undefined : { pid, arguments: argv };
}

/**
 * Ends a process: SIGTERM first, SIGKILL when that was not enough in time. False when it is still there after both.
 * Already gone: true.
 */
export async function endProcess(
  clock: Clock,
  found: FoundProcess,
  { orderlyMs, killMs }: EndLimits,
): Promise<boolean> {
  await signalProcess(found, 'SIGTERM');
  if (await waitUntilGone(clock, found, orderlyMs)) return true;
  await signalProcess(found, 'SIGKILL');
  return waitUntilGone(clock, found, killMs);
}

/** Whether the process ended within `timeoutMs`. */
export async function waitUntilGone(clock: Clock, found: FoundProcess, timeoutMs: number): Promise<boolean> {
  const until = clock.monotonic() + timeoutMs;
  for (let pauseMs = 5; await isAlive(found); pauseMs = Math.min(pauseMs * 2, 250)) {
    if (clock.monotonic() >= until) return false;
    await sleep(clock, pauseMs);
  }
  return true;
}

async function signalProcess(found: FoundProcess, signal: NodeJS.Signals): Promise<void> {
  if (!(await isAlive(found))) return;
  try {
    process.kill(found.pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** The arguments are compared as well, because another program may have the process number by now. */
async function isAlive(found: FoundProcess): Promise<boolean> {
  return isSameJson((await findProcess(found.pid))?.arguments, found.arguments);
}

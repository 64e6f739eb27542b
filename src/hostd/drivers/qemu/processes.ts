import { readlink, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { type Clock, sleep } from '../../../base/clock.ts';
import { codeOf } from '../../errors/index.ts';
import { allProcesses, type FoundProcess, findProcess, isAway, readIfThere } from '../common/process-list.ts';
import { vmFiles } from './files.ts';

/** A running QEMU, as /proc shows it. */
export type QemuProcess = FoundProcess & {
  /**
   * The folder it runs in: for a VM of this driver the VM's own. It may be called otherwise here: one that was started in
   * another mount namespace (a container before this one, say) names it from there.
   */
  readonly directory: string;
};

/**
 * The QEMU that runs the VM `uuid` in `directory`. The pid file only makes the search short: what counts is what the
 * process itself says it runs, so a number that went to another program is never taken for the VM, and a VM whose
 * daemon died before it noted anything is found as well.
 */
export async function findVm(uuid: string, directory: string): Promise<QemuProcess | undefined> {
  return (await findVmOrOther(uuid, directory)).vm;
}

/** As `findVm`; where that finds none, also another QEMU that was given the same uuid. */
export async function findVmOrOther(
  uuid: string,
  directory: string,
): Promise<{ readonly vm?: QemuProcess; readonly other?: QemuProcess }> {
  const noted = await notedPid(directory);
  const candidate = noted === undefined ? undefined : await qemuProcess(noted);
  const isIt = async (found: QemuProcess) => uuidOf(found) === uuid && (await runsIn(found, directory));
  if (candidate !== undefined && (await isIt(candidate))) return { vm: candidate };
  const named = (await allQemu()).filter((found) => uuidOf(found) === uuid);
  for (const found of named) if (await runsIn(found, directory)) return { vm: found };
  const [other] = named;
  return other === undefined ? {} : { other };
}

async function runsIn(found: QemuProcess, directory: string): Promise<boolean> {
  const own = await ownPath(directory);
  // A VM whose folder was removed still is this VM, and must still be found to be ended.
  if ([own, `${own} (deleted)`].includes(found.directory)) return true;
  return isSameFolder(`/proc/${found.pid}/cwd`, directory);
}

/** Whether the folder that it runs in is directly in this one. */
export async function runsBelow(found: QemuProcess, directory: string): Promise<boolean> {
  if (found.directory.startsWith(`${await ownPath(directory)}${sep}`)) return true;
  return isSameFolder(`/proc/${found.pid}/cwd/..`, directory);
}

/** The pid that QEMU left in the VM's folder, of a running QEMU or of one that ended without order. */
export async function notedPid(directory: string): Promise<number | undefined> {
  const text = await readIfThere(join(directory, vmFiles.pid));
  const pid = Number.parseInt(text ?? '', 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

/** Every QEMU on this host that runs a VM. */
export async function allQemu(): Promise<readonly QemuProcess[]> {
  const found = await Promise.all((await allProcesses()).map(asQemu));
  return found.filter((process) => process !== undefined);
}

/** The uuid that a QEMU was given for its VM. */
function uuidOf(process: QemuProcess): string | undefined {
  return optionOf(process, '-uuid');
}

/** The name that people know the VM by, or its process number when it was given none. */
export function nameOf(process: QemuProcess): string {
  const option = optionOf(process, '-name') ?? '';
  const name = option.split(',').find((part) => part.startsWith('guest=') || !part.includes('='));
  return name === undefined || name === '' ? `pid ${process.pid}` : name.replace(/^guest=/, '');
}

/** Whether it ended within `timeoutMs`. */
export async function waitUntilGone(
  clock: Clock,
  process: QemuProcess,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const until = clock.monotonic() + timeoutMs;
  for (let pauseMs = 5; await isAlive(process); pauseMs = Math.min(pauseMs * 2, 250)) {
    if (clock.monotonic() >= until) return false;
    await sleep(clock, pauseMs, signal);
  }
  return true;
}

/** Signals the process if it still is the one that was found; gone is fine. */
export async function signalProcess(found: QemuProcess, signal: NodeJS.Signals): Promise<void> {
  if (!(await isAlive(found))) return;
  try {
    process.kill(found.pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

async function isAlive(found: QemuProcess): Promise<boolean> {
  const now = await qemuProcess(found.pid);
  return now !== undefined && uuidOf(now) === uuidOf(found);
}

async function qemuProcess(pid: number): Promise<QemuProcess | undefined> {
  const found = await findProcess(pid);
  return found === undefined ? undefined : asQemu(found);
}

/** Undefined for what is no QEMU, and for what ends while we look. */
async function asQemu(found: FoundProcess): Promise<QemuProcess | undefined> {
  if (!/^qemu-(system-|kvm)/.test(basename(found.arguments[0] ?? ''))) return undefined;
  try {
    return { ...found, directory: await readlink(`/proc/${found.pid}/cwd`) };
  } catch (error) {
    if (isAway(error)) return undefined;
    throw error;
  }
}

function optionOf(process: QemuProcess, option: string): string | undefined {
  const at = process.arguments.indexOf(option);
  return at === -1 ? undefined : process.arguments[at + 1];
}

/** What is not there, or must not be looked at, is none. */
async function isSameFolder(one: string, other: string): Promise<boolean> {
  try {
    const [a, b] = await Promise.all([stat(one, { bigint: true }), stat(other, { bigint: true })]);
    return a.dev === b.dev && a.ino === b.ino;
  } catch (error) {
    if (isAway(error)) return false;
    throw error;
  }
}

async function ownPath(directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return resolve(directory);
    throw error;
  }
}

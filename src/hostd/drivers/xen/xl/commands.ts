import { basename, dirname, join } from 'node:path';
import { type Clock, sleep } from '../../../../base/clock.ts';
import { codeOf, hostErrors } from '../../../errors/index.ts';
import { type Ending, launch } from '../../common/launch.ts';
import { allProcesses, type FoundProcess } from '../../common/process-list.ts';
import type { XenContext } from '../context.ts';
import { vmFiles } from '../files.ts';

/** xl ends within its own time-outs, the longest of which are a minute each; more only when all hangs. */
const commandLimitMs = 600_000;
const orderlyLimitMs = 5_000;

/** The xl commands that take a VM's configuration file, by which they are found again. */
const verbs = ['create', 'restore', 'save'];

/** Every xl that works on the VM in `directory` now, whoever started it: a daemon that died may have left one at work. */
export async function commandsAt(directory: string): Promise<readonly FoundProcess[]> {
  return (await allProcesses()).filter((each) => worksAt(each, directory));
}

function worksAt({ arguments: words }: FoundProcess, directory: string): boolean {
  return words.includes(join(directory, vmFiles.configuration)) && words.some((word) => verbs.includes(word));
}

/**
 * Whether an xl makes a domain of ours, of whichever VM. Not those of others: without `-e`, xl stays behind its domain as long
 * as that lives.
 */
function isCreation({ arguments: words }: FoundProcess): boolean {
  return (
    words.some(isConfiguration) &&
    words.includes('-e') &&
    words.some((word) => word === 'create' || word === 'restore')
  );
}

/** Waits for the xl that others left at work on the VM; ends it when that takes too long. */
export async function untilNoCommand(clock: Clock, directory: string, signal?: AbortSignal): Promise<void> {
  await untilNone(clock, () => commandsAt(directory), signal);
}

/**
 * Waits, in the turn of a creation, for every xl that makes a domain: it is of a turn whose daemon died; and, as
 * `untilNoCommand`, for those at work on the VM in `directory`. Ends what takes too long; its half domain is taken away by the
 * next start of its own VM.
 */
export async function untilNoCreation(clock: Clock, directory: string, signal?: AbortSignal): Promise<void> {
  const find = async () =>
    (await allProcesses()).filter((each) => isCreation(each) || worksAt(each, directory));
  await untilNone(clock, find, signal);
}

/** Ends the xl that works on the VM; what it leaves of a domain is for the caller to take away. */
export async function endCommands(clock: Clock, directory: string): Promise<void> {
  await endFound(clock, () => commandsAt(directory));
}

function isConfiguration(word: string): boolean {
  return basename(word) === vmFiles.configuration;
}

type Find = () => Promise<readonly FoundProcess[]>;

async function untilNone(clock: Clock, find: Find, signal: AbortSignal | undefined): Promise<void> {
  const until = clock.monotonic() + commandLimitMs;
  while ((await find()).length > 0) {
    if (clock.monotonic() >= until) return endFound(clock, find);
    await sleep(clock, 100, signal);
  }
}

async function endFound(clock: Clock, find: Find): Promise<void> {
  const until = clock.monotonic() + 4 * orderlyLimitMs;
  const hardly = clock.monotonic() + orderlyLimitMs;
  for (let found = await find(); found.length > 0; found = await find()) {
    const [first] = found;
    if (clock.monotonic() >= until) {
      const configuration = first?.arguments.find(isConfiguration) ?? '';
      throw hostErrors.vmNotEnding('xl', dirname(configuration), first?.pid ?? 0);
    }
    for (const { pid } of found) signal(pid, clock.monotonic() >= hardly ? 'SIGKILL' : 'SIGTERM');
    await sleep(clock, 50);
  }
}

/**
 * Runs an xl command that makes or saves the VM, in such a way that the daemon's end does not end it. Resolves with how
 * it ended; rejects when aborted, and then leaves it at work.
 */
export async function runCommand(
  { clock, toolstack }: Pick<XenContext, 'clock' | 'toolstack'>,
  argv: readonly string[],
  directory: string,
  abort?: AbortSignal,
): Promise<Ending> {
  const xl = await launch(await toolstack.program(), argv, { directory, log: vmFiles.log });
  const over = new AbortController();
  const until = abort === undefined ? over.signal : AbortSignal.any([over.signal, abort]);
  try {
    const late = sleep(clock, commandLimitMs, until);
    const ending = await Promise.race([xl.ended, late]);
    if (ending !== undefined) return ending;
    await endCommands(clock, directory);
    return { exitCode: undefined, words: `it timed out after ${commandLimitMs / 1000} s and was killed` };
  } finally {
    over.abort();
    xl.release();
    toolstack.forget();
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

import { basename, dirname, join } from 'node:path';
import { type Clock, sleep } from '../../../../base/clock.ts';
import { hostErrors } from '../../../errors/index.ts';
import { type Ending, launch } from '../../common/launch.ts';
import { allProcesses, endProcess, type FoundProcess } from '../../common/processes.ts';
import type { Toolstack } from './toolstack.ts';

/** The domain as it was last started, in the VM's folder: for people, and for `xl create`. */
const CONFIGURATION = 'domain.cfg';
/** xl's output over all starts, in the VM's folder. */
const LOG = 'xl.log';

/** xl ends by its own time-outs, of at most one minute each; it needs longer only if everything hangs. */
const commandLimitMs = 600_000;
const endLimits = { orderlyMs: 5_000, killMs: 15_000 } as const;
const pollMs = 100;

/** The xl commands that take a VM's configuration file; by that argument they are found again. */
const verbs = ['create', 'restore', 'save'];

/** The path of the domain's configuration file in the VM's folder. */
export function configurationPath(directory: string): string {
  return join(directory, CONFIGURATION);
}

/**
 * Every xl process that works on the VM in `directory` now. It may not be this daemon's: an xl outlives the daemon that started it.
 */
export async function commandsAt(directory: string): Promise<readonly FoundProcess[]> {
  return (await allProcesses()).filter((each) => worksAt(each, directory));
}

function worksAt({ arguments: argv }: FoundProcess, directory: string): boolean {
  return argv.includes(configurationPath(directory)) && argv.some((argument) => verbs.includes(argument));
}

/**
 * Whether this xl makes a domain for Coppice, for any VM. Coppice always passes `-e`; without it an xl, which then belongs to
 * somebody else, stays as long as its domain lives.
 */
function isCreation({ arguments: argv }: FoundProcess): boolean {
  return (
    argv.some(isConfiguration) &&
    argv.includes('-e') &&
    argv.some((argument) => argument === 'create' || argument === 'restore')
  );
}

/** Waits until no xl works on the VM any more; ends an xl that takes too long. */
export async function untilNoCommand(clock: Clock, directory: string, signal?: AbortSignal): Promise<void> {
  await untilNone(clock, () => commandsAt(directory), signal);
}

/**
 * Waits until no xl makes a domain or works on the VM in `directory`. The caller holds the creation lock, so an xl that makes a
 * domain now was started by a daemon that died. An xl that takes too long is ended; the next start of its VM removes the half-made
 * domain.
 */
export async function untilNoCreation(clock: Clock, directory: string, signal?: AbortSignal): Promise<void> {
  const find = async () =>
    (await allProcesses()).filter((each) => isCreation(each) || worksAt(each, directory));
  await untilNone(clock, find, signal);
}

/** Ends every xl that works on the VM. The caller removes whatever domain is left. */
export async function endCommands(clock: Clock, directory: string): Promise<void> {
  await endFound(clock, () => commandsAt(directory));
}

function isConfiguration(argument: string): boolean {
  return basename(argument) === CONFIGURATION;
}

type Find = () => Promise<readonly FoundProcess[]>;

async function untilNone(clock: Clock, find: Find, signal: AbortSignal | undefined): Promise<void> {
  const until = clock.monotonic() + commandLimitMs;
  while ((await find()).length > 0) {
    if (clock.monotonic() >= until) return endFound(clock, find);
    await sleep(clock, pollMs, signal);
  }
}

/** Looks again after each round, because another xl may have been started meanwhile. */
async function endFound(clock: Clock, find: Find): Promise<void> {
  const until = clock.monotonic() + endLimits.orderlyMs + endLimits.killMs;
  for (let found = await find(); found.length > 0; found = await find()) {
    const [first] = found;
    if (clock.monotonic() >= until) {
      const configuration = first?.arguments.find(isConfiguration) ?? '';
      throw hostErrors.vmNotEnding('xl', dirname(configuration), first?.pid ?? 0);
    }
    await Promise.all(found.map((each) => endProcess(clock, each, endLimits)));
  }
}

/**
 * Runs an xl command that makes or saves the VM. xl outlives the daemon. Resolves with how xl ended; when aborted, rejects and
 * leaves xl at work.
 */
export async function runCommand(
  { clock, toolstack }: { readonly clock: Clock; readonly toolstack: Toolstack },
  argv: readonly string[],
  directory: string,
  abort?: AbortSignal,
): Promise<Ending> {
  const xl = await launch(await toolstack.program(), argv, { directory, log: LOG });
  const over = new AbortController();
  const until = abort === undefined ? over.signal : AbortSignal.any([over.signal, abort]);
  try {
    const late = sleep(clock, commandLimitMs, until);
    const ending = await Promise.race([xl.ended, late]);
    if (ending !== undefined) return ending;
    await endCommands(clock, directory);
    return { exitCode: undefined, output: `it timed out after ${commandLimitMs / 1000} s and was killed` };
  } finally {
    over.abort();
    xl.release();
    toolstack.forget();
  }
}

import { spawn } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { readFileIfThere, writeFileAtomically } from '../atomic-files.ts';
import { cutLog } from '../log-file.ts';
import { NODE_FLAGS } from '../node-flags.ts';
import type { Layout } from './layout.ts';
import { findProcesses, identify, type ProcessIdentity, signalProcess } from './process-table.ts';

/** One of Coppice's own processes on this machine. */
export type Part = {
  /** Unique in the data directory; names its log and its pid file. */
  readonly name: string;
  /** Arguments of `coppice`. */
  readonly args: readonly string[];
};

/** The part that starts the others again when they end. */
export const SUPERVISOR = 'supervisor';

const COMMANDS_OF_PARTS = new Set(['api', 'operator', 'hostd', 'supervise']);
const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT']);
const POLL_MS = 50;
const TAIL_BYTES = 65_536;

export function logFile(layout: Layout, part: string): string {
  return join(layout.logs, `${part}.log`);
}

function pidFile(layout: Layout, part: string): string {
  return join(layout.run, `${part}.pid`);
}

/**
 * Starts a part as a separate process that outlives this one, unless the part runs already. Resolves with true when it was
 * started; the part may not be ready yet.
 */
export async function startPart(layout: Layout, part: Part, cliMain: string): Promise<boolean> {
  const running = await findPart(layout, part.name);
  if (running !== undefined) {
    await rememberPart(layout, part.name, running);
    return false;
  }
  const log = await openLog(layout, part.name);
  try {
    // In the environment, since parts are recognised by their arguments; the user's own options come later and win.
    const nodeOptions = `${NODE_FLAGS} ${process.env.NODE_OPTIONS ?? ''}`.trimEnd();
    const child = spawn(process.execPath, [cliMain, ...part.args], {
      env: { ...process.env, NODE_OPTIONS: nodeOptions, COPPICE_LOG_FILE: logFile(layout, part.name) },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    // If this process is killed right here, the pid file is missing; findPart recognises the part by its arguments.
    if (child.pid !== undefined) await rememberPart(layout, part.name, child.pid);
  } finally {
    await log.close();
  }
  return true;
}

/** The pid of a running part; undefined when it does not run. */
export async function findPart(layout: Layout, name: string): Promise<number | undefined> {
  const written = await readPidFile(layout, name);
  const found = written === undefined ? undefined : await identify(written.pid);
  if (found !== undefined && found.startTime === written?.startTime) return found.pid;
  const [pid] = await findProcesses((argv) => isPart(argv, layout, name));
  return pid === undefined ? undefined : (await identify(pid))?.pid;
}

/** The pids of all parts and VMs that use the data directory, even if its files are gone. */
export function findLeftovers(layout: Layout): Promise<number[]> {
  const below = `${layout.root}/`;
  return findProcesses(([program = '', ...args]) => {
    const isOurs = COMMANDS_OF_PARTS.has(args[1] ?? '') || basename(program).startsWith('qemu-system-');
    return isOurs && args.some((arg) => arg === layout.root || arg.includes(below));
  });
}

/** Asks a part to end, and waits; kills it after `graceMs`. Does nothing when it does not run. */
export async function stopPart(layout: Layout, name: string, graceMs: number): Promise<void> {
  for (let pid = await findPart(layout, name); pid !== undefined; pid = await findPart(layout, name)) {
    await endProcess(pid, graceMs);
  }
  await rm(pidFile(layout, name), { force: true });
}

async function endProcess(pid: number, graceMs: number): Promise<void> {
  const before = await identify(pid);
  const deadline = deadlineIn(systemClock, graceMs);
  signalProcess(pid, 'SIGTERM');
  while (before !== undefined && (await identify(pid))?.startTime === before.startTime) {
    if (isOver(systemClock, deadline)) signalProcess(pid, 'SIGKILL');
    await sleep(systemClock, POLL_MS);
  }
}

/** The last lines of a part's log as messages, for a person when the part did not start. */
export async function logTail(layout: Layout, name: string, lines: number): Promise<string> {
  const text = await readEnd(logFile(layout, name), TAIL_BYTES);
  return text.trimEnd().split('\n').slice(-lines).map(sentenceOf).join('\n');
}

/** Whether these are the arguments of this part of this data directory: its command, and the path of its data. */
function isPart(argv: readonly string[], layout: Layout, name: string): boolean {
  const [, , command, ...args] = argv;
  if (args.includes('--stop-vms')) return false;
  if (name === 'api') return command === 'api' && args.includes(layout.apiStorage);
  if (name === SUPERVISOR) return command === 'supervise' && args.includes(layout.root);
  if (name === 'operator') return command === 'operator' && args.includes(layout.kubeconfig);
  return command === 'hostd' && args.includes(layout.hostState(name));
}

/** Writes a part's pid file. */
export async function rememberPart(layout: Layout, name: string, pid: number): Promise<void> {
  const identity = await identify(pid);
  if (identity === undefined) return;
  await writeFileAtomically(pidFile(layout, name), JSON.stringify(identity)).catch((error) => {
    // The part runs, and is recognised by its arguments, too.
    if (!FULL.has((error as NodeJS.ErrnoException).code)) throw error;
  });
}

async function readPidFile(layout: Layout, name: string): Promise<ProcessIdentity | undefined> {
  const text = await readFileIfThere(pidFile(layout, name));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as ProcessIdentity);
  } catch {
    return undefined; // damaged: the part is recognised by its arguments, too
  }
}

/** The part itself keeps it short while it runs. */
async function openLog(layout: Layout, name: string) {
  await mkdir(layout.logs, { recursive: true });
  const log = await open(logFile(layout, name), 'a');
  cutLog(log.fd, logFile(layout, name));
  return log;
}

async function readEnd(path: string, bytes: number): Promise<string> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, Math.max(0, size - bytes));
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The fields of a log line that are for people. */
type LogLine = {
  readonly time?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
};

/** The message of a log line in JSON; other lines (a stack trace, output of Node) unchanged. */
function sentenceOf(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { time, msg, err } = JSON.parse(line) as LogLine;
    const cause = err?.message === undefined || err.message === msg ? '' : `: ${err.message}`;
    return `${time ?? ''} ${msg ?? line}${cause}`;
  } catch (error) {
    if (error instanceof SyntaxError) return line;
    throw error;
  }
}

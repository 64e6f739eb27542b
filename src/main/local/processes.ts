import { spawn } from 'node:child_process';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { NODE_FLAGS } from '../node-flags.ts';
import { readFileIfThere, writeFileAtomically } from './files.ts';
import type { Layout } from './layout.ts';
import { findProcesses, identify, type ProcessIdentity, signalProcess } from './process-table.ts';

/** One of Coppice's own processes on this machine. */
export type Part = {
  /** Unique in the data directory; names its log and its pid file. */
  readonly name: string;
  /** Arguments of `coppice`. */
  readonly args: readonly string[];
};

const COMMANDS_OF_PARTS = new Set(['api', 'operator', 'hostd']);
const POLL_MS = 50;
const MIB = 1024 * 1024;
/** A longer log gives way to a new one when its part is started; one older log is kept. */
const LOG_BYTES = 16 * MIB;
const TAIL_BYTES = 65_536;

export function logFile(layout: Layout, part: string): string {
  return join(layout.logs, `${part}.log`);
}

function pidFile(layout: Layout, part: string): string {
  return join(layout.run, `${part}.pid`);
}

/**
 * Starts a part as a process of its own that outlives this one, unless it runs already.
 * Resolves with true when it was started. It says nothing about whether the part is ready.
 */
export async function startPart(layout: Layout, part: Part, cliMain: string): Promise<boolean> {
  const running = await findPart(layout, part.name);
  if (running !== undefined) {
    await rememberPart(layout, part.name, running);
    return false;
  }
  const log = await openLog(layout, part.name);
  try {
    // By the environment, since parts are known by their arguments; a person's own options win.
    const nodeOptions = `${NODE_FLAGS} ${process.env.NODE_OPTIONS ?? ''}`.trimEnd();
    const child = spawn(process.execPath, [cliMain, ...part.args], {
      env: { ...process.env, NODE_OPTIONS: nodeOptions },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    // Killed right here, nobody has written down the part: findPart knows it by its arguments.
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

/** The pids of all parts and VMs that use the data directory, whatever is left of its files. */
export function findLeftovers(layout: Layout): Promise<number[]> {
  const below = `${layout.root}/`;
  return findProcesses(([program = '', ...args]) => {
    const isOurs = COMMANDS_OF_PARTS.has(args[1] ?? '') || basename(program).startsWith('qemu-system-');
    return isOurs && args.some((arg) => arg.includes(below));
  });
}

/** Asks a part to end and waits; killed when it has not ended after `graceMs`. Not running: done. */
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

/** The last things a part said, as sentences: what a person needs when it did not start. */
export async function logTail(layout: Layout, name: string, lines: number): Promise<string> {
  const text = await readEnd(logFile(layout, name), TAIL_BYTES);
  return text.trimEnd().split('\n').slice(-lines).map(sentenceOf).join('\n');
}

/** What only this part of this data directory has among its arguments: its command, and where it keeps or finds things. */
function isPart(argv: readonly string[], layout: Layout, name: string): boolean {
  const [, , command, ...args] = argv;
  if (args.includes('--stop-vms')) return false;
  if (name === 'api') return command === 'api' && args.includes(layout.apiStorage);
  if (name === 'operator') return command === 'operator' && args.includes(layout.kubeconfig);
  return command === 'hostd' && args.includes(layout.hostState(name));
}

async function rememberPart(layout: Layout, name: string, pid: number): Promise<void> {
  const identity = await identify(pid);
  if (identity !== undefined) await writeFileAtomically(pidFile(layout, name), JSON.stringify(identity));
}

async function readPidFile(layout: Layout, name: string): Promise<ProcessIdentity | undefined> {
  const text = await readFileIfThere(pidFile(layout, name));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as ProcessIdentity);
  } catch {
    return undefined; // damaged: the part is known by its arguments, too
  }
}

async function openLog(layout: Layout, name: string) {
  await mkdir(layout.logs, { recursive: true });
  const path = logFile(layout, name);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > LOG_BYTES) await rename(path, `${path}.1`);
  return await open(path, 'a');
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

/** What a line of a log has for people. */
type LogLine = {
  readonly time?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
};

/** The message of a log line in JSON; any other line (a stack, Node's own words) as it is. */
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

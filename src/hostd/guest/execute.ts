import { sleep } from '../../base/clock.ts';
import { type Deadline, deadlineIn, remaining } from '../../base/deadline.ts';
import { hostErrors, messageOf } from '../errors/index.ts';
import type { GuestExecResult } from './guest.ts';
import { askForObject, type Session, shellScript } from './session.ts';

/** The pauses between two questions whether a program in the guest has ended; they grow from the first to the longest. */
const firstPollMs = 10;
const longestPollMs = 500;

/** An agent may be busy when the program's time is up: how much longer it may take before it counts as silent. */
const graceMs = 10_000;
/** How long the agent may take to notice that a program was killed; it says only then what the program printed. */
const lastWordsMs = 1_000;

/** guest-exec replaces the whole environment when it is given one. */
const guestPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A shell's function that kills a process and all its descendants; each is stopped first, so that it starts nothing more meanwhile. */
export const END_TREE = `end() {
  kill -STOP "$1"
  for child in $(b cat "/proc/$1/task/$1/children"); do end "$child"; done
  kill -KILL "$1"
}
`;

const endTree = `${END_TREE}end "$1" 2>/dev/null
exit 0
`;

/** Runs a program in the guest to its end; kills it, and rejects with `GuestCommandTimeout`, when its time is up. */
export async function execute(
  session: Session,
  argv: readonly string[],
  env: Readonly<Record<string, string>> | undefined,
  deadline: Deadline,
  {
    input,
    silentMs = Number.POSITIVE_INFINITY,
  }: { readonly input?: Uint8Array; readonly silentMs?: number } = {},
): Promise<GuestExecResult> {
  const startBy = deadlineIn(session.clock, Math.min(remaining(session.clock, deadline), silentMs));
  const pid = await startProgram(session, argv, env, startBy, input);
  const result = await untilEnded(session, pid, deadline, silentMs);
  if (result !== undefined) return result;
  const killBy = deadlineIn(session.clock, graceMs);
  const killer = await startProgram(session, shellScript(endTree, [String(pid)]), undefined, killBy);
  await untilEnded(session, killer, killBy);
  const output = await outputOfKilled(session, pid);
  throw hostErrors.guestCommandTimeout(argv[0], deadline.totalMs / 1000, output);
}

/** Empty when the agent does not tell: that the program took too long is what counts. */
async function outputOfKilled(session: Session, pid: number): Promise<string> {
  const result = await untilEnded(session, pid, deadlineIn(session.clock, lastWordsMs)).catch(messageOf);
  return result === undefined || typeof result === 'string' ? '' : result.stderr.trim() || result.stdout;
}

/**
 * Undefined when it still runs at the deadline. @param silentMs how long the agent may take for one answer; as long as the program unless
 * given
 */
export async function untilEnded(
  session: Session,
  pid: number,
  deadline: Deadline,
  silentMs = Number.POSITIVE_INFINITY,
): Promise<GuestExecResult | undefined> {
  const { clock } = session;
  for (let pauseMs = firstPollMs; ; pauseMs = Math.min(pauseMs * 1.6, longestPollMs)) {
    const answerBy = deadlineIn(clock, Math.min(remaining(clock, deadline) + graceMs, silentMs));
    const result = await programResult(session, pid, answerBy);
    if (result !== undefined) return result;
    if (remaining(clock, deadline) === 0) return undefined;
    await sleep(clock, Math.min(pauseMs, remaining(clock, deadline)));
  }
}

/** Undefined while the program runs. The agent tells the result only once. */
export async function programResult(
  session: Session,
  pid: number,
  deadline: Deadline,
): Promise<GuestExecResult | undefined> {
  const status = await askForObject(session, deadline, 'guest-exec-status', { pid });
  return status.exited === true ? resultOf(status) : undefined;
}

/**
 * Starts a program in the guest; resolves with its process id, which `programResult` takes. @param input what it reads; nothing unless
 * given
 */
export async function startProgram(
  session: Session,
  argv: readonly string[],
  env: Readonly<Record<string, string>> | undefined,
  deadline: Deadline,
  input?: Uint8Array,
): Promise<number> {
  const [path, ...arg] = argv;
  const started = await askForObject(session, deadline, 'guest-exec', {
    path,
    arg,
    ...(env === undefined ? {} : { env: pairs({ PATH: guestPath, ...env }) }),
    ...(input === undefined ? {} : { 'input-data': Buffer.from(input).toString('base64') }),
    'capture-output': true,
  });
  return Number(started.pid);
}

function resultOf(status: Readonly<Record<string, unknown>>): GuestExecResult {
  const { signal, exitcode } = status;
  return {
    // As a shell reports a program that a signal ended.
    exitCode: typeof signal === 'number' ? 128 + signal : Number(exitcode),
    stdout: decoded(status['out-data']),
    stderr: decoded(status['err-data']),
  };
}

function pairs(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function decoded(data: unknown): string {
  return typeof data === 'string' ? Buffer.from(data, 'base64').toString() : '';
}

import type { Clock } from '../../base/clock.ts';
import { type Deadline, remaining } from '../../base/deadline.ts';
import { isRecord } from '../../base/json.ts';
import { hostErrors } from '../errors/index.ts';
import { type AgentClient, AgentCommandError } from './agent.ts';

/** One guest's agent, and the clock by which its time limits are measured. */
export type Session = { readonly clock: Clock; readonly agent: AgentClient };

type Arguments = Readonly<Record<string, unknown>>;

/** A guest may have nothing but busybox, without links for its applets: `b tool …` finds the tool either way. */
const applets = 'b() { if command -v "$1" >/dev/null 2>&1; then "$@"; else /bin/busybox "$@"; fi; }\n';

/** Gives the agent a command, within what is left of the time; a refusal becomes a HostError with the agent's message. */
export async function askAgent(
  { clock, agent }: Session,
  deadline: Deadline,
  command: string,
  args: Arguments,
): Promise<unknown> {
  try {
    return await agent.command(command, args, Math.max(1, remaining(clock, deadline)));
  } catch (error) {
    throw refusalAsHostError(error);
  }
}

/** As {@link askAgent}, for commands that answer with an object. */
export async function askForObject(
  session: Session,
  deadline: Deadline,
  command: string,
  args: Arguments,
): Promise<Readonly<Record<string, unknown>>> {
  const value = await askAgent(session, deadline, command, args);
  if (isRecord(value)) return value;
  // The error's message is bounded.
  throw hostErrors.guestAgentRefused(`the guest agent answered ${command} with ${JSON.stringify(value)}`);
}

export function refusalAsHostError(error: unknown): unknown {
  return error instanceof AgentCommandError ? hostErrors.guestAgentRefused(error.message, error) : error;
}

/** Arguments that run a constant script; it receives the values as `$1`, `$2` …, never as part of its text. By `name` the guest's list of processes shows it. */
export function shellScript(script: string, values: readonly string[], name = 'coppice'): readonly string[] {
  return ['/bin/sh', '-c', applets + script, name, ...values];
}

/** A user's program may print any amount, which would keep an agent busy for seconds: only this much leaves the guest. */
const shortOutput = `exec 4>&2
code=$({ { "$@" 3>&- 4>&-; echo "$?" >&3; } 2>&1 | b tail -c 4096 >&4 3>&-; } 3>&1)
exit "$code"
`;

/** Arguments that run the program; the end of all that it prints comes as its error output, with its exit code. */
export function withShortOutput(argv: readonly string[]): readonly string[] {
  return shellScript(shortOutput, argv);
}

/** Whether a message of the guest's agent, or the output of its programs, says that a disk of the guest is full. */
export function reportsFullDisk(message: string): boolean {
  return /no space left on device|disk quota exceeded/i.test(message);
}

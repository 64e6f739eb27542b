import { isRecord } from '../../../../base/json.ts';
import { runProgram } from '../../../programs.ts';
import { type Machine, sandboxArguments } from '../command-line.ts';

const limitMs = 10_000;
const ID = 'fork';

/** What QEMU's monitor receives: whether it takes the capability depends on the kernel, and on the rights of QEMU's user. */
const INPUT = [
  { execute: 'qmp_capabilities' },
  {
    execute: 'migrate-set-capabilities',
    arguments: { capabilities: [{ capability: 'background-snapshot', state: true }] },
    id: ID,
  },
  { execute: 'quit' },
].map((command) => `${JSON.stringify(command)}\n`);

/** Why running VMs cannot be forked on this host, in QEMU's words; undefined where they can. */
export async function forkProblemOf(program: string, { sandbox }: Machine): Promise<string | undefined> {
  const argv = [
    ...['-name', 'coppice-trial', '-no-user-config', '-nodefaults', '-display', 'none', '-S'],
    ...(sandbox ? sandboxArguments : []),
    ...['-M', 'pc', '-accel', 'tcg', '-m', '16M', '-qmp', 'stdio'],
  ];
  const { stdout, stderr } = await runProgram(program, argv, { timeoutMs: limitMs, input: INPUT.join('') });
  for (const line of stdout.split('\n')) {
    if (!line.includes(`"id": "${ID}"`)) continue;
    const answer: unknown = JSON.parse(line);
    const error = isRecord(answer) ? answer.error : undefined;
    if (error === undefined) return undefined;
    return isRecord(error) ? String(error.desc) : JSON.stringify(error);
  }
  return `QEMU does not say (${stderr.trim().split('\n').at(0) ?? ''})`;
}

import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import type { StreamConnection } from '../../host/stream-client.ts';
import { execQuery, exitCodeOf } from '../../host/streams.ts';
import { addClusterOptions, type ClusterOptions, withCluster } from '../cluster.ts';
import { parseInteger } from '../options.ts';
import { openStreamOf } from '../streams.ts';
import { ONE_TARGET_HELP, oneAppliance, parseTarget, type Target } from '../targets.ts';

type ExecOptions = ClusterOptions & {
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly timeout: number;
};

const DAY_SECONDS = 86_400;

/** `coppice exec NAME -- COMMAND`: runs a program in the guest. */
export function execCommand(): Command {
  const command = new Command('exec')
    .description("run a program in an appliance's guest, as root; the exit code is the program's")
    .argument('<appliance>', ONE_TARGET_HELP, parseTarget)
    .argument('<command...>', 'the program and its arguments, after --')
    .option('-i, --stdin', 'pass this input on to the program', false)
    .option('-t, --tty', 'give the program a terminal (the guest needs the program script)', false)
    .option(
      '--timeout <seconds>',
      'end the program after this time; 0 for never',
      parseInteger(0, DAY_SECONDS),
      0,
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice exec hello-web-0 -- uname -a\n  coppice exec -it sd/hello -- /bin/sh\n  tar c site | coppice exec -i hello-web-0 -- tar x -C /srv' +
        '\n\nIt goes through the agent in the guest, and needs no network there. It needs the verbs get and create on' +
        '\nvirtualappliances/exec in the group subresources.coppice.dev.',
    )
    .action((target: Target, argv: readonly string[], options: ExecOptions) =>
      execute(target, argv, options),
    );
  return addClusterOptions(command);
}

async function execute(
  target: Target,
  command: readonly string[],
  { stdin, tty, timeout: timeoutSeconds, ...options }: ExecOptions,
): Promise<void> {
  if (tty && !process.stdin.isTTY) throw new Error('-t needs a terminal as input: leave -t out');
  await withCluster(options, async ({ client, namespace, config }) => {
    const { metadata } = await oneAppliance(client, namespace, target, console.error);
    const query = execQuery({ command, stdin, tty, timeoutSeconds });
    const program = await openStreamOf(config, metadata, 'exec', query);
    process.exitCode = await follow(program, { stdin, tty });
  });
}

/** Connects this process's own streams with the program's until it ends; resolves with its exit code. */
async function follow(
  program: StreamConnection,
  { stdin, tty }: Pick<ExecOptions, 'stdin' | 'tty'>,
): Promise<number> {
  const { stdin: input, stdout, stderr } = process;
  const size = () => program.resize({ Width: stdout.columns ?? 80, Height: stdout.rows ?? 24 });
  if (tty) {
    input.setRawMode(true);
    size();
    stdout.on('resize', size);
  }
  // The program may end before its input does.
  if (stdin) pipeline(input, program.stdin).catch(() => undefined);
  const outputs = [
    pipeline(program.stdout, stdout, { end: false }),
    pipeline(program.stderr, stderr, { end: false }),
  ].map((output) => output.catch(() => program.close()));
  try {
    const status = await program.ended;
    await Promise.all(outputs);
    const exitCode = exitCodeOf(status);
    if (exitCode === undefined) throw new Error(status.status === 'Failure' ? status.message : 'it ended');
    return exitCode;
  } finally {
    stdout.off('resize', size);
    if (tty) input.setRawMode(false);
    // An input that is still open would keep this process alive.
    input.destroy();
  }
}

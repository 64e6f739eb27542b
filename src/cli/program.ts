import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { own } from '../base/own.ts';

const START_HERE = `
Start here:
  coppice up
  kubectl --kubeconfig ~/.local/share/coppice/kubeconfig apply -f examples/hello
  coppice get`;

/**
 * All commands, in the order of the help. A start loads only the command that it runs: the Kubernetes client alone is 900 files,
 * which a host's daemon does not need.
 */
const COMMANDS: Readonly<Record<string, (cliMain: string) => Promise<Command>>> = {
  up: async (cliMain) => (await import('./commands/up.ts')).upCommand(cliMain),
  down: async (cliMain) => (await import('./commands/down.ts')).downCommand(cliMain),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  demo: async (cliMain) => (await import('./commands/demo.ts')).demoCommand(cliMain),
  get: async () => (await import('./commands/get.ts')).getCommand(),
  describe: async () => (await import('./commands/describe.ts')).describeCommand(),
  logs: async () => (await import('./commands/logs.ts')).logsCommand(),
  console: async () => (await import('./commands/console.ts')).consoleCommand(),
  exec: async () => (await import('./commands/exec.ts')).execCommand(),
  cp: async () => (await import('./commands/cp.ts')).cpCommand(),
  ssh: async (cliMain) => (await import('./commands/ssh.ts')).sshCommand(cliMain),
  fork: async () => (await import('./commands/fork.ts')).forkCommand(),
  recall: async () => (await import('./commands/recall.ts')).recallCommand(),
  redeploy: async () => (await import('./commands/recall.ts')).redeployCommand(),
  template: async () => (await import('./commands/template.ts')).templateCommand(),
  host: async () => (await import('./commands/host.ts')).hostCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  templates: async () => (await import('./commands/templates.ts')).templatesCommand(),
  label: async () => (await import('./commands/label.ts')).labelCommand(),
  follow: async () => (await import('./commands/follow.ts')).followCommand(),
  unfollow: async () => (await import('./commands/follow.ts')).unfollowCommand(),
  clear: async () => (await import('./commands/clear.ts')).clearCommand(),
  version: async () => (await import('./commands/version.ts')).versionCommand(),
  api: async () => (await import('./commands/api.ts')).apiCommand(),
  operator: async () => (await import('./commands/operator.ts')).operatorCommand(),
  supervise: async (cliMain) => (await import('./commands/supervise.ts')).superviseCommand(cliMain),
  hostd: async () => (await import('./commands/hostd.ts')).hostdCommand(),
};

const VERSION_FLAGS = ['-V', '--version'];

/** Runs the command line of this process; errors become one sentence and exit code 1. */
export async function runProgram(cliMain: string): Promise<void> {
  try {
    await (await createProgram(cliMain, process.argv[2])).parseAsync();
  } catch (error) {
    const { explainError } = await import('./errors.ts');
    console.error(`error: ${explainError(error)}`);
    process.exitCode = 1;
  }
}

/** A program with the command of that name, none for the version alone, or all if no command has that name; `cliMain` is the program with which parts start. */
export async function createProgram(cliMain: string, name?: string): Promise<Command> {
  const program = new Command('coppice')
    .description('Many virtual machines, with services running in them, in seconds.')
    .version(packageJson.version)
    // Templates have a --version, too.
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for all options and examples)')
    .addHelpText('after', START_HERE);
  for (const each of namesFor(name)) {
    const command = await own(COMMANDS, each)?.(cliMain);
    if (command !== undefined) program.addCommand(command);
  }
  return program;
}

function namesFor(argument: string | undefined): readonly string[] {
  if (argument === undefined) return Object.keys(COMMANDS);
  if (VERSION_FLAGS.includes(argument)) return [];
  return Object.hasOwn(COMMANDS, argument) ? [argument] : Object.keys(COMMANDS);
}

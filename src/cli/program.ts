import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { explainError } from './errors.ts';

const START_HERE = `
Start here:
  coppice up
  kubectl --kubeconfig ~/.local/share/coppice/kubeconfig apply -f examples/hello
  coppice get`;

/** Every command by its name. Loaded only when asked for: a daemon can do without what the others import. */
const COMMANDS: Readonly<Record<string, (cliMain: string) => Promise<Command>>> = {
  up: async (cliMain) => (await import('./commands/up.ts')).upCommand(cliMain),
  down: async (cliMain) => (await import('./commands/down.ts')).downCommand(cliMain),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  demo: async (cliMain) => (await import('./commands/demo.ts')).demoCommand(cliMain),
  get: async () => (await import('./commands/get.ts')).getCommand(),
  describe: async () => (await import('./commands/describe.ts')).describeCommand(),
  logs: async () => (await import('./commands/logs.ts')).logsCommand(),
  console: async () => (await import('./commands/console.ts')).consoleCommand(),
  api: async () => (await import('./commands/api.ts')).apiCommand(),
  operator: async () => (await import('./commands/operator.ts')).operatorCommand(),
  hostd: async () => (await import('./commands/hostd.ts')).hostdCommand(),
};

/** Runs the command line of this process; errors become one sentence and exit code 1. */
export async function runProgram(cliMain: string): Promise<void> {
  try {
    const program = await createProgram(cliMain, process.argv[2]);
    await program.parseAsync();
  } catch (error) {
    console.error(`error: ${explainError(error)}`);
    process.exitCode = 1;
  }
}

/**
 * The command of this name, or all of them when there is none, as for `--help`; `cliMain` is the program that starts the
 * parts.
 */
export async function createProgram(cliMain: string, name?: string): Promise<Command> {
  const program = new Command('coppice')
    .description('Many virtual machines, with services running in them, in seconds.')
    .version(packageJson.version)
    .showHelpAfterError('(add --help for all options and examples)')
    .addHelpText('after', START_HERE);
  const isOne = name !== undefined && Object.hasOwn(COMMANDS, name);
  for (const [known, load] of Object.entries(COMMANDS)) {
    if (!isOne || known === name) program.addCommand(await load(cliMain));
  }
  return program;
}

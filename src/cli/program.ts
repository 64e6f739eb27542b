import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { apiCommand } from './commands/api.ts';
import { clearCommand } from './commands/clear.ts';
import { consoleCommand } from './commands/console.ts';
import { demoCommand } from './commands/demo.ts';
import { describeCommand } from './commands/describe.ts';
import { downCommand } from './commands/down.ts';
import { getCommand } from './commands/get.ts';
import { hostCommand } from './commands/host.ts';
import { hostdCommand } from './commands/hostd.ts';
import { logsCommand } from './commands/logs.ts';
import { operatorCommand } from './commands/operator.ts';
import { statusCommand } from './commands/status.ts';
import { upCommand } from './commands/up.ts';
import { verifyCommand } from './commands/verify.ts';
import { explainError } from './errors.ts';

const START_HERE = `
Start here:
  coppice up
  kubectl --kubeconfig ~/.local/share/coppice/kubeconfig apply -f examples/hello
  coppice get`;

/** Runs the command line of this process; errors become one sentence and exit code 1. */
export async function runProgram(cliMain: string): Promise<void> {
  try {
    await createProgram(cliMain).parseAsync();
  } catch (error) {
    console.error(`error: ${explainError(error)}`);
    process.exitCode = 1;
  }
}

/** All commands; `cliMain` is the program that starts the parts. */
export function createProgram(cliMain: string): Command {
  const program = new Command('coppice')
    .description('Many virtual machines, with services running in them, in seconds.')
    .version(packageJson.version)
    .showHelpAfterError('(add --help for all options and examples)')
    .addHelpText('after', START_HERE);
  const commands = [
    ...[upCommand(cliMain), downCommand(cliMain), statusCommand(), demoCommand(cliMain)],
    ...[getCommand(), describeCommand(), logsCommand(), consoleCommand()],
    ...[hostCommand(), verifyCommand(), clearCommand()],
    ...[apiCommand(), operatorCommand(), hostdCommand()],
  ];
  for (const command of commands) program.addCommand(command);
  return program;
}

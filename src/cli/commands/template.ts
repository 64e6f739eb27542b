import { Command } from 'commander';
import { templateCheckCommand } from './template-check.ts';

/** `coppice template`: what is done with templates and the files that they are made of. */
export function templateCommand(): Command {
  return new Command('template')
    .description('check files before they become templates')
    .addHelpText('after', '\nExample:\n  coppice template check debian.qcow2')
    .addCommand(templateCheckCommand());
}

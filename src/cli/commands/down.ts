import { Command } from 'commander';
import { type Layout, layoutOf } from '../../main/local/layout.ts';
import { withDataDir } from '../../main/local/lock.ts';
import { findLeftovers } from '../../main/local/processes.ts';
import { readSettings } from '../../main/local/settings.ts';
import { openPlatform } from '../local.ts';
import { dataDirOption, option, withConfigFile } from '../options.ts';
import { shutdownSteps } from '../shutdown.ts';
import { runSteps } from '../steps.ts';

/** `coppice down`: stops what `coppice up` started. */
export function downCommand(cliMain: string): Command {
  const command = new Command('down')
    .description('stop the Coppice on this machine and its VMs; nothing is deleted')
    .addOption(dataDirOption())
    .addOption(option('--keep-vms', 'leave the VMs running', 'COPPICE_KEEP_VMS', false))
    .addHelpText('after', '\nExample:\n  coppice down --keep-vms')
    .action(async ({ dataDir, keepVms }: { dataDir: string; keepVms: boolean }) => {
      const layout = layoutOf(dataDir);
      if ((await readSettings(layout)) === undefined) throw new Error(await explainNothing(layout));
      await withDataDir(layout, async () =>
        runSteps(shutdownSteps(await openPlatform(dataDir, {}, cliMain), keepVms)),
      );
    });
  return withConfigFile(command);
}

/** Without its settings Coppice cannot know which processes to stop: a person must do it. */
async function explainNothing(layout: Layout): Promise<string> {
  const left = await findLeftovers(layout);
  if (left.length === 0) return `there is no Coppice in ${layout.root}: name another folder with --data-dir`;
  return (
    `${layout.settings} is missing, but processes that use this folder still run: look at them with ` +
    `\`ps ${left.join(' ')}\`, and end them with \`kill ${left.join(' ')}\``
  );
}

import { Command } from 'commander';
import { HOSTS, VIRTUAL_APPLIANCES } from '../../api/kinds.ts';
import { shellWord } from '../../base/shell.ts';
import { layoutOf } from '../../main/local/layout.ts';
import { findPart, logFile } from '../../main/local/processes.ts';
import { readSettings } from '../../main/local/settings.ts';
import { applianceTable } from '../appliance-table.ts';
import { hostTable } from '../host-table.ts';
import { openClient } from '../local.ts';
import { dataDirOption, withConfigFile } from '../options.ts';
import { formatTable } from '../table.ts';

/** `coppice status`: which parts of the local Coppice run, with its hosts and appliances. */
export function statusCommand(): Command {
  const command = new Command('status')
    .description(
      'show which parts of the Coppice on this machine run, its hosts and appliances; exit code 1 if a part does not run',
    )
    .addOption(dataDirOption())
    .addHelpText('after', '\nExample:\n  coppice status')
    .action(async ({ dataDir }: { dataDir: string }) => {
      const layout = layoutOf(dataDir);
      const settings = await readSettings(layout);
      if (settings === undefined) {
        command.error(`error: there is no Coppice in ${layout.root}: start one with \`coppice up\``);
        return;
      }
      const names = ['api', 'operator', ...Object.keys(settings.hosts)];
      const pids = await Promise.all(names.map((name) => findPart(layout, name)));
      const rows = names.map((name, at) => [
        name,
        pids[at] === undefined ? 'stopped' : 'running',
        `${pids[at] ?? '-'}`,
        logFile(layout, name),
      ]);
      console.log(formatTable(['PART', 'STATE', 'PID', 'LOG'], rows));
      if (pids.includes(undefined)) process.exitCode = 1;
      if (pids[0] !== undefined) await printObjects(layout.kubeconfig);
    });
  return withConfigFile(command);
}

async function printObjects(kubeconfig: string): Promise<void> {
  const client = await openClient(kubeconfig);
  try {
    const [hosts, appliances] = await Promise.all([client.list(HOSTS), client.list(VIRTUAL_APPLIANCES)]);
    console.log(`\n${hostTable(hosts.items)}`);
    if (appliances.items.length > 0) console.log(`\n${applianceTable(appliances.items)}`);
    console.log(`\nexport KUBECONFIG=${shellWord(kubeconfig)}`);
  } finally {
    await client.close();
  }
}

import { Command } from 'commander';
import { HOSTS, VIRTUAL_APPLIANCES } from '../../api/kinds.ts';
import { own } from '../../base/own.ts';
import { shellWord } from '../../base/shell.ts';
import { type Layout, layoutOf } from '../../main/local/layout.ts';
import { findPart, logFile, SUPERVISOR } from '../../main/local/processes.ts';
import { requireSettings } from '../../main/local/settings.ts';
import { readReport } from '../../main/local/supervisor/report.ts';
import { applianceTable } from '../appliance-table.ts';
import { hostTable } from '../host-table.ts';
import { openClient } from '../local.ts';
import { dataDirOption, withConfigFile } from '../options.ts';
import { partRow } from '../part-row.ts';
import { formatTable } from '../table.ts';

/** `coppice status`: which parts of the local Coppice run, with its hosts and appliances. */
export function statusCommand(): Command {
  const command = new Command('status')
    .description(
      'show which parts of the Coppice on this machine run, its hosts and appliances; exit code 1 if a part does not run',
    )
    .addOption(dataDirOption())
    .addHelpText('after', '\nExample:\n  coppice status')
    .action(({ dataDir }: { dataDir: string }) => runStatus(layoutOf(dataDir)));
  return withConfigFile(command);
}

async function runStatus(layout: Layout): Promise<void> {
  const { hosts } = await requireSettings(layout);
  const names = ['api', 'operator', ...Object.keys(hosts), SUPERVISOR];
  const pids = new Map(
    await Promise.all(names.map(async (name) => [name, await findPart(layout, name)] as const)),
  );
  const supervisor = pids.get(SUPERVISOR);
  const report = supervisor === undefined ? undefined : await readReport(layout, supervisor);
  const rows = names.map((name) =>
    partRow(name, pids.get(name), own(report?.parts, name), logFile(layout, name)),
  );
  console.log(formatTable(['PART', 'STATE', 'PID', 'RESTARTS', 'LOG'], rows));
  if (report?.certificateProblem !== undefined) {
    console.log(`\nCertificates cannot be renewed: ${report.certificateProblem}`);
  }
  if ([...pids.values()].includes(undefined)) process.exitCode = 1;
  if (pids.get('api') !== undefined) await printObjects(layout.kubeconfig);
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

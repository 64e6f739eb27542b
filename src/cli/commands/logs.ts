import { Command } from 'commander';
import { VIRTUAL_APPLIANCES } from '../../api/kinds.ts';
import { sleep, systemClock } from '../../base/clock.ts';
import { addClusterOptions, withClient } from '../cluster.ts';
import { addHostAccessOptions, type HostAccessOptions, withDaemon } from '../host-access.ts';
import { parseInteger } from '../options.ts';
import { ONE_TARGET_HELP, oneAppliance, parseTarget, type Target } from '../targets.ts';

type LogsOptions = HostAccessOptions & {
  readonly follow: boolean;
  readonly service: boolean;
  readonly bytes: number;
};

const FOLLOW_MS = 1000;

/** `coppice logs NAME`: what the VM wrote to its console, or what its service printed. */
export function logsCommand(): Command {
  const command = new Command('logs')
    .description("print what an appliance's VM wrote to its console, or what its service printed")
    .argument('<appliance>', ONE_TARGET_HELP, parseTarget)
    .option('-f, --follow', 'keep printing new output until Ctrl-C', false)
    .option(
      '--service',
      'what the service printed, for containers of type command; read in the guest, by its agent',
      false,
    )
    .option(
      '--bytes <number>',
      'how many bytes to print, from the end; of a service at most 49152',
      parseInteger(1, 1_048_576),
      65_536,
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice logs hello-web-0 -f\n  coppice logs sd/hello --bytes 2000\n  coppice logs shop-api-0 --service -f',
    )
    .action((target: Target, options: LogsOptions) => printLogs(target, options));
  return addHostAccessOptions(addClusterOptions(command));
}

async function printLogs(target: Target, options: LogsOptions): Promise<void> {
  await withClient(options, async (client, namespace) => {
    const { name } = (await oneAppliance(client, namespace, target, console.error)).metadata;
    const read = async () => {
      const appliance = await client.get(VIRTUAL_APPLIANCES, { name, namespace });
      return await withDaemon(client, options, appliance, (daemon, uuid) =>
        options.service ? daemon.getServiceLog(uuid, options.bytes) : daemon.getConsole(uuid, options.bytes),
      );
    };
    let seen = await read();
    process.stdout.write(seen);
    while (options.follow) {
      await sleep(systemClock, FOLLOW_MS);
      const now = await read();
      process.stdout.write(appended(seen, now));
      seen = now;
    }
  });
}

/** What `now` has after the end of `seen`. Both are the end of one growing text. */
export function appended(seen: string, now: string): string {
  for (let start = 0; start < seen.length; start++) {
    if (now.startsWith(seen.slice(start))) return now.slice(seen.length - start);
  }
  return now;
}

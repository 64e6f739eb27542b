import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { addClusterOptions, type ClusterOptions, withCluster } from '../cluster.ts';
import { parseInteger } from '../options.ts';
import { openLogOf } from '../streams.ts';
import { ONE_TARGET_HELP, oneAppliance, parseTarget, type Target } from '../targets.ts';

type LogsOptions = ClusterOptions & {
  readonly follow: boolean;
  readonly service: boolean;
  readonly bytes: number;
};

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
      '\nExample:\n  coppice logs hello-web-0 -f\n  coppice logs sd/hello --bytes 2000\n  coppice logs shop-api-0 --service -f' +
        '\n\nIt needs the verb get on virtualappliances/log in the group subresources.coppice.dev.',
    )
    .action((target: Target, options: LogsOptions) => printLogs(target, options));
  return addClusterOptions(command);
}

async function printLogs(target: Target, { follow, service, bytes, ...options }: LogsOptions): Promise<void> {
  await withCluster(options, async ({ client, namespace, config }) => {
    const { metadata } = await oneAppliance(client, namespace, target, console.error);
    const query = new URLSearchParams({ bytes: String(bytes), source: service ? 'service' : 'console' });
    if (follow) query.set('follow', 'true');
    const log = await openLogOf(config, metadata, query.toString());
    await pipeline(log, process.stdout, { end: false }).catch((error: NodeJS.ErrnoException) => {
      // `coppice logs … | head` has seen enough.
      if (error.code !== 'EPIPE') throw new Error(`the log was cut off: ${error.message}`, { cause: error });
    });
  });
}

import { Command } from 'commander';
import { driverNames } from '../../api/drivers.ts';
import { shellWord } from '../../base/shell.ts';
import { layoutOf } from '../../main/local/layout.ts';
import { withDataDir } from '../../main/local/lock.ts';
import type { WantedSettings } from '../../main/local/settings.ts';
import { openClient, openPlatform } from '../local.ts';
import {
  dataDirOption,
  driverOption,
  option,
  parseInteger,
  parseInterfaceName,
  withConfigFile,
} from '../options.ts';
import { platformSteps } from '../platform-steps.ts';
import { interruption, runSteps } from '../steps.ts';

export type UpOptions = WantedSettings & { readonly dataDir: string };

/** Options with which a local Coppice is set up. The first start saves them; later ones cannot change them. */
export function addUpOptions(command: Command): Command {
  return command
    .addOption(dataDirOption())
    .addOption(
      option(
        '--hosts <number>',
        'as how many hosts this machine acts, one daemon each (default: 2)',
        'COPPICE_HOSTS',
      ).argParser(parseInteger(1, 26)),
    )
    .addOption(driverOption('COPPICE_DRIVER', driverNames('isLocal')))
    .addOption(
      option(
        '--bridge <name>',
        'Linux bridge of this machine for appliances with their own addresses',
        'COPPICE_BRIDGE',
      ).argParser(parseInterfaceName),
    )
    .addOption(
      option(
        '--api-port <port>',
        'port of the API server (default: 7443, or another free one)',
        'COPPICE_API_PORT',
      ).argParser(parseInteger(1024, 65_535)),
    );
}

/** `coppice up`: starts a local Coppice in the background. */
export function upCommand(cliMain: string): Command {
  const command = new Command('up')
    .description('start Coppice on this machine, in the background: API server, operator and host daemons')
    .addHelpText(
      'after',
      '\nExample:\n  coppice up --data-dir ~/coppice --hosts 3\n  coppice up              # again: starts the parts that do not run',
    )
    .action((options: UpOptions) => withDataDir(layoutOf(options.dataDir), () => runUp(options, cliMain)));
  return withConfigFile(addUpOptions(command));
}

async function runUp(options: UpOptions, cliMain: string): Promise<void> {
  const signal = interruption(
    console.error,
    'Interrupted. What was started keeps running: `coppice up` starts the rest, `coppice down` stops it.',
  );
  const platform = await openPlatform(options.dataDir, options, cliMain);
  const client = await openClient(platform.layout.kubeconfig);
  try {
    await runSteps(platformSteps(platform, client, signal), signal);
    const { kubeconfig } = platform.layout;
    console.log(`\nCoppice is up. Any kubectl works with:\n  export KUBECONFIG=${shellWord(kubeconfig)}`);
  } finally {
    await client.close();
  }
}

import { Command } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { layoutOf } from '../../main/local/layout.ts';
import { requireSettings } from '../../main/local/settings.ts';
import { dataDirOption, option, withConfigFile } from '../options.ts';

type SuperviseOptions = { readonly dataDir: string; readonly logLevel: string };

/** `coppice supervise`: keeps the parts of a local Coppice running. */
export function superviseCommand(cliMain: string): Command {
  const command = new Command('supervise')
    .description(
      'start the parts of the Coppice on this machine again when they end, and renew its certificates (`coppice up` does so in the background)',
    )
    .addOption(dataDirOption())
    .addOption(
      option('--log-level <level>', 'trace, debug, info, warn or error', 'COPPICE_LOG_LEVEL', 'info'),
    )
    .addHelpText('after', '\nExample:\n  coppice supervise --data-dir ~/coppice')
    .action((options: SuperviseOptions) => runSupervise(options, cliMain));
  return withConfigFile(command);
}

async function runSupervise({ dataDir, logLevel }: SuperviseOptions, cliMain: string): Promise<void> {
  const layout = layoutOf(dataDir);
  const settings = await requireSettings(layout);
  const { createLog } = await import('../../main/log.ts');
  const { supervise } = await import('../../main/local/supervisor/supervisor.ts');
  const log = createLog('supervisor', logLevel);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  await supervise({ layout, settings, cliMain, clock: systemClock, random: Math.random, log }, stop.signal);
}

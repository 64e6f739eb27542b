import { Command } from 'commander';
import type { ListrTask } from 'listr2';
import { driverFacts } from '../../api/drivers.ts';
import type { VirtualAppliance } from '../../api/kinds.ts';
import { sleep, systemClock } from '../../base/clock.ts';
import { readPage } from '../../base/http.ts';
import { shellWord } from '../../base/shell.ts';
import { shownUrl } from '../../base/shown-url.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { installedPath } from '../../main/installation.ts';
import { layoutOf } from '../../main/local/layout.ts';
import { withDataDir } from '../../main/local/lock.ts';
import type { Platform } from '../../main/local/platform.ts';
import { applianceTable } from '../appliance-table.ts';
import { openClient, openPlatform } from '../local.ts';
import { applyManifests, readManifests } from '../manifests.ts';
import { option, parseInteger, withConfigFile } from '../options.ts';
import { platformSteps } from '../platform-steps.ts';
import { shutdownSteps } from '../shutdown.ts';
import { interruption, runSteps } from '../steps.ts';
import { describeProgress, waitForServices } from '../wait.ts';
import { addUpOptions, type UpOptions } from './up.ts';

/** How long to wait for another command, such as `coppice down`, that works on the same data directory. */
const SHUTDOWN_PATIENCE_MS = 120_000;
const STAY_ALIVE_MS = 3_600_000;

type DemoOptions = UpOptions & { readonly once: boolean; readonly timeout: number };

/** `coppice demo`: starts Coppice, deploys two services in VMs, shows that they answer, and stops everything. */
export function demoCommand(cliMain: string): Command {
  const command = addUpOptions(new Command('demo'))
    .description('start Coppice, deploy examples/hello and print its URLs; Ctrl-C stops everything')
    .option('--once', 'stop when all services have answered, instead of waiting for Ctrl-C', false)
    .addOption(
      option('--timeout <seconds>', 'give up after this time', 'COPPICE_DEMO_TIMEOUT', 600).argParser(
        parseInteger(1, 86_400),
      ),
    )
    .addHelpText(
      'after',
      '\nExample:\n  npm run demo\n  npm run demo -- --once --driver simulated --data-dir /tmp/coppice-demo',
    )
    .action((options: DemoOptions) => runDemo(options, cliMain));
  return withConfigFile(command);
}

async function runDemo(options: DemoOptions, cliMain: string): Promise<void> {
  const signal = interruption(console.error, 'Interrupted: stopping everything. Nothing is deleted.');
  const layout = layoutOf(options.dataDir);
  let platform: Platform | undefined;
  try {
    platform = await withDataDir(layout, async () => {
      platform = await openPlatform(options.dataDir, options, cliMain);
      await startPlatform(platform, signal);
      return platform;
    });
    await deployAndStay(platform, options, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    // If it is undefined, this command has started nothing, and what runs there belongs to another one.
    const opened = platform;
    if (opened !== undefined) {
      await withDataDir(layout, () => runSteps(shutdownSteps(opened, false)), SHUTDOWN_PATIENCE_MS);
    }
  }
}

async function startPlatform(platform: Platform, signal: AbortSignal): Promise<void> {
  const client = await openClient(platform.layout.kubeconfig);
  try {
    await runSteps(platformSteps(platform, client, signal), signal);
  } finally {
    await client.close();
  }
}

async function deployAndStay(platform: Platform, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const client = await openClient(platform.layout.kubeconfig);
  try {
    const appliances = await deploy(platform, client, options, signal);
    console.log(`\n${applianceTable(appliances)}\n`);
    if (driverFacts(platform.settings.driver).isReal) await printFirstLines(appliances, signal);
    console.log(`\nAny kubectl works with:\nKUBECONFIG=${shellWord(platform.layout.kubeconfig)}`);
  } finally {
    await client.close();
  }
  if (options.once) return;
  console.log('\nCoppice runs until you press Ctrl-C.');
  await untilInterrupted(signal);
}

async function untilInterrupted(signal: AbortSignal): Promise<void> {
  // A timer, since neither a signal's handler nor a promise keeps a program alive. Only the signal ends the sleep early.
  while (!signal.aborted) await sleep(systemClock, STAY_ALIVE_MS, signal).catch(() => undefined);
}

async function deploy(
  platform: Platform,
  client: KubeClient,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<readonly VirtualAppliance[]> {
  let appliances: readonly VirtualAppliance[] = [];
  let shown = '';
  const objects = await readManifests(installedPath('examples', 'hello'));
  const steps: ListrTask[] = [
    { title: 'Apply examples/hello', task: () => applyManifests(client, objects) },
    {
      title: 'Services answer',
      rendererOptions: { outputBar: Number.POSITIVE_INFINITY },
      task: async (_context, task) => {
        appliances = await waitForServices(client, objects, {
          timeoutSeconds: options.timeout,
          signal,
          fetchUrls: driverFacts(platform.settings.driver).isReal,
          progress: (now) => {
            const text = describeProgress(now);
            // Without a terminal each output adds lines, so output that is the same as before is left out.
            if (text !== shown) task.output = text;
            shown = text;
          },
        });
      },
    },
  ];
  await runSteps(steps, signal);
  return appliances;
}

/** Fetches each URL as a user would, and prints the first line of the answer. */
async function printFirstLines(appliances: readonly VirtualAppliance[], signal: AbortSignal): Promise<void> {
  for (const url of appliances.flatMap(({ status }) => status?.accessPoints ?? [])) {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(30_000)]);
    const { status, isGood, text } = await readPage(url, limited);
    if (!isGood) throw new Error(`${shownUrl(url)} answered with ${status}`);
    console.log(`${url}  ${status}  ${text.split('\n')[0]}`);
  }
}

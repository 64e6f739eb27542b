import { spawn } from 'node:child_process';
import type { ListrTask } from 'listr2';
import { systemClock } from '../base/clock.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { apiIsReady, hostParts, type Platform, stopApi, stopWorkers } from '../main/local/platform.ts';
import { reportStopped } from '../main/local/stopped.ts';
import { openClient } from './local.ts';

/**
 * The steps that stop a local Coppice: first the parts that would start VMs again, then the VMs, which are asked to power off. The
 * API server is last, so that the statuses can say so.
 */
export function shutdownSteps(platform: Platform, keepVms: boolean): ListrTask[] {
  return [
    {
      title: 'Stop the supervisor, the operator and the host daemons',
      task: () => stopWorkers(platform.layout, platform.settings),
    },
    {
      title: 'Shut down the VMs (their disks are kept; the next `coppice up` starts them again)',
      skip: () => keepVms && 'The VMs keep running (--keep-vms)',
      task: async () => {
        await Promise.all(
          hostParts(platform).map((part) => runToEnd(platform.cliMain, [...part.args, '--stop-vms'])),
        );
      },
    },
    {
      title: 'Write into the API that nothing answers any more',
      skip: () => keepVms,
      task: (_, task) =>
        withClient(platform, async (client) => {
          if (!(await apiIsReady(client))) return task.skip('The API server does not run');
          // What follows must happen all the same.
          await reportStopped(client, systemClock.now()).catch((error: Error) => {
            task.skip(`The statuses could not be written, and still say what was: ${error.message}`);
          });
        }),
    },
    { title: 'Stop the API server', task: () => stopApi(platform.layout) },
  ];
}

async function withClient({ layout }: Platform, work: (client: KubeClient) => Promise<void>): Promise<void> {
  const client = await openClient(layout.kubeconfig);
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

/** Runs `coppice` with these arguments; rejects with what it wrote to standard error when it fails. */
async function runToEnd(cliMain: string, args: readonly string[]): Promise<void> {
  // In its own process group: another Ctrl-C must not interrupt it.
  const child = spawn(process.execPath, [cliMain, ...args, '--log-level', 'warn'], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`coppice ${args[0]} failed with exit code ${code}: ${errors.trim()}`);
}

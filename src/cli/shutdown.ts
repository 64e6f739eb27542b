import { spawn } from 'node:child_process';
import type { ListrTask } from 'listr2';
import { hostParts, type Platform, stopParts } from '../main/local/platform.ts';

/** The steps that stop a local Coppice: first the parts that would start VMs again, then the VMs, which are asked to power off. */
export function shutdownSteps(platform: Platform, keepVms: boolean): ListrTask[] {
  return [
    {
      title: 'Stop the operator, the host daemons and the API server',
      task: () => stopParts(platform.layout, platform.settings),
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
  ];
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

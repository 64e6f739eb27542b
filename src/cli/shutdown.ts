import { spawn } from 'node:child_process';
import type { ListrTask } from 'listr2';
import { hostParts, type Platform, stopParts } from '../main/local/platform.ts';

/** What it takes to end a local Coppice: first those who would start VMs again, then the VMs, each asked to power off. */
export function shutdownSteps(platform: Platform, keepVms: boolean): ListrTask[] {
  return [
    {
      title: 'Operator, host daemons and API server',
      task: () => stopParts(platform.layout, platform.settings),
    },
    {
      title: 'VMs (their disks stay; they start again with the next `coppice up`)',
      skip: () => keepVms && 'they go on running',
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
  // A group of its own: another Ctrl-C must not end it half way.
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
  if (code !== 0) throw new Error(`coppice ${args[0]} ended with ${code}: ${errors.trim()}`);
}

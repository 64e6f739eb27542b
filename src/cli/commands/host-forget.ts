import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { describeBytes } from '../../domain/quantity.ts';
import type { HostClient } from '../../host/client.ts';
import type { ApplianceStatus } from '../../host/protocol.ts';
import { addServerOptions, withClient } from '../cluster.ts';
import { addHostAccessOptions, type HostAccessOptions, withDaemonOf } from '../host-access.ts';
import { option, parseInteger } from '../options.ts';
import { chooseUnclaimed, claimsOf, nameOf } from '../unclaimed.ts';

type ForgetOptions = HostAccessOptions & { readonly yes: boolean; readonly timeout: number };

const POLL_MS = 500;

/** `coppice host forget HOST APPLIANCE`: has a daemon delete an appliance of which the API knows nothing. */
export function forgetCommand(): Command {
  const command = new Command('forget')
    .description(
      'delete an appliance that a host has and that belongs to no VirtualAppliance: its VM, and its disk with all data',
    )
    .argument('<host>', 'name of the Host object')
    .argument('<appliance>', 'its uuid, or namespace/name; `coppice host describe` shows them')
    .option('--yes', 'confirm: a deleted disk cannot be restored', false)
    .addOption(
      option('--timeout <seconds>', 'wait for the end this long', 'COPPICE_FORGET_TIMEOUT', 120).argParser(
        parseInteger(1, 86_400),
      ),
    )
    .addHelpText('after', '\nExample:\n  coppice host forget host-a default/hello-web-0')
    .action((host: string, wanted: string, options: ForgetOptions) =>
      withClient(options, (client) =>
        withDaemonOf(client, options, host, async (daemon) => {
          const appliance = chooseUnclaimed(host, wanted, await claimsOf(client, daemon));
          console.error(whatIsDestroyed(host, appliance));
          if (!options.yes && !(await isConfirmed())) command.error('error: nothing was deleted');
          await forget(daemon, appliance, options.timeout);
          console.log(`${nameOf(appliance)} (${appliance.uuid}) is gone from host ${host}.`);
        }),
      ),
    );
  return addHostAccessOptions(addServerOptions(command));
}

/** What a person should read before it is done. */
function whatIsDestroyed(host: string, appliance: ApplianceStatus): string {
  const { uuid, vm, diskBytes, diskPath } = appliance;
  const size = diskBytes === undefined ? '' : ` of ${describeBytes(diskBytes)}`;
  const path = diskPath === undefined ? '' : ` at ${diskPath}`;
  return (
    `This deletes appliance ${nameOf(appliance)} (${uuid}) from host ${host}: its VM, which is ${vm.state}, ` +
    `and its disk${size}${path} with all that was written there. It cannot be restored.`
  );
}

/** Whether the person at the terminal types `yes`. Without a terminal nobody can. */
async function isConfirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('nothing was deleted: add --yes to confirm');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question("Type 'yes' to delete it: ")).trim() === 'yes';
  } catch (error) {
    // Control-C or Control-D.
    if (error instanceof Error && error.name === 'AbortError') return false;
    throw error;
  } finally {
    terminal.close();
  }
}

/** The daemon carries it out by itself; this only waits, until it is gone. */
async function forget(daemon: HostClient, appliance: ApplianceStatus, timeoutSeconds: number): Promise<void> {
  const { uuid } = appliance;
  const deadline = deadlineIn(systemClock, timeoutSeconds * 1000);
  let left = await daemon.deleteAppliance(uuid);
  while (left !== undefined) {
    if (isOver(systemClock, deadline)) {
      const why = left.problem === undefined ? '' : `: ${left.problem.message}`;
      throw new Error(
        `after ${timeoutSeconds} s the host still has ${nameOf(appliance)} (${uuid}), and goes on deleting it${why}`,
      );
    }
    await sleep(systemClock, POLL_MS);
    left = await daemon.getAppliance(uuid);
  }
}

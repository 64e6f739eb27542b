import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { Command } from 'commander';
import { addClusterOptions, withClient } from '../cluster.ts';
import { addHostAccessOptions, type HostAccessOptions, withDaemon } from '../host-access.ts';
import { ONE_TARGET_HELP, oneAppliance, parseTarget, type Target } from '../targets.ts';

/** Control and ], as in telnet and `virsh console`. */
const LEAVE = 0x1d;

/** `coppice console NAME`: connects the terminal to the VM's console. */
export function consoleCommand(): Command {
  const command = new Command('console')
    .description("connect this terminal to the console of an appliance's VM; Ctrl-] disconnects")
    .argument('<appliance>', ONE_TARGET_HELP, parseTarget)
    .addHelpText('after', '\nExample:\n  coppice console hello-web-0\n  coppice console sd/hello')
    .action((target: Target, options: HostAccessOptions) =>
      withClient(options, async (client, namespace) => {
        const appliance = await oneAppliance(client, namespace, target, console.error);
        await withDaemon(client, options, appliance, async (daemon, uuid) => {
          const vm = await daemon.openConsole(uuid);
          console.error(`Connected to ${namespace}/${appliance.metadata.name}; Ctrl-] disconnects.`);
          await attach(vm, process.stdin, process.stdout);
        });
      }),
    );
  return addHostAccessOptions(addClusterOptions(command));
}

/** Passes keys to the VM and its output to the terminal, until the connection ends or the person presses Ctrl-]. */
async function attach(vm: Duplex, input: NodeJS.ReadStream, output: NodeJS.WriteStream): Promise<void> {
  const closed = once(vm, 'close');
  const type = (keys: Buffer) => {
    const leaveAt = keys.indexOf(LEAVE);
    if (leaveAt < 0) vm.write(keys);
    else vm.end(keys.subarray(0, leaveAt), () => vm.destroy());
  };
  if (input.isTTY) input.setRawMode(true);
  vm.on('data', (bytes: Buffer) => output.write(bytes));
  input.on('data', type);
  try {
    await closed;
  } finally {
    input.off('data', type);
    if (input.isTTY) input.setRawMode(false);
    input.pause();
  }
}

import { Command } from 'commander';
import type { StreamConnection } from '../../host/stream-client.ts';
import { addClusterOptions, type ClusterOptions, withCluster } from '../cluster.ts';
import { openStreamOf } from '../streams.ts';
import { ONE_TARGET_HELP, oneAppliance, parseTarget, type Target } from '../targets.ts';

/** Control and ], as in telnet and `virsh console`. */
const LEAVE = 0x1d;

/** `coppice console NAME`: connects the terminal to the VM's console. */
export function consoleCommand(): Command {
  const command = new Command('console')
    .description("connect this terminal to the console of an appliance's VM; Ctrl-] disconnects")
    .argument('<appliance>', ONE_TARGET_HELP, parseTarget)
    .addHelpText(
      'after',
      '\nExample:\n  coppice console hello-web-0\n  coppice console sd/hello' +
        '\n\nIt needs the verbs get and create on virtualappliances/console in the group subresources.coppice.dev.',
    )
    .action((target: Target, options: ClusterOptions) =>
      withCluster(options, async ({ client, namespace, config }) => {
        const { metadata } = await oneAppliance(client, namespace, target, console.error);
        const vm = await openStreamOf(config, metadata, 'console');
        console.error(`Connected to ${namespace}/${metadata.name}; Ctrl-] disconnects.`);
        await attach(vm, process.stdin, process.stdout);
      }),
    );
  return addClusterOptions(command);
}

/** Passes keys to the VM and its output to the terminal, until the connection ends or the person presses Ctrl-]. */
async function attach(
  vm: StreamConnection,
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
): Promise<void> {
  let hasLeft = false;
  const type = (keys: Buffer) => {
    const leaveAt = keys.indexOf(LEAVE);
    if (leaveAt < 0) return void vm.stdin.write(keys);
    hasLeft = true;
    vm.stdin.write(keys.subarray(0, leaveAt), () => vm.close());
  };
  if (input.isTTY) input.setRawMode(true);
  vm.stdout.on('data', (bytes: Buffer) => output.write(bytes));
  vm.stderr.resume();
  input.on('data', type);
  try {
    const status = await vm.ended;
    if (status.status === 'Failure') throw new Error(status.message);
  } catch (error) {
    if (!hasLeft) throw error;
  } finally {
    input.off('data', type);
    if (input.isTTY) input.setRawMode(false);
    input.pause();
  }
}

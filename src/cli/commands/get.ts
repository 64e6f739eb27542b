import { Command } from 'commander';
import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../api/kinds.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { addClusterOptions, type ClusterOptions, withClient } from '../cluster.ts';
import { explainError } from '../errors.ts';
import { formatAppliances, type Output, outputOption, printObjects } from '../output.ts';
import { collectAppliances, parseTargets, TARGET_HELP, type Target } from '../targets.ts';

type GetOptions = ClusterOptions & { readonly allNamespaces: boolean; readonly output?: Output };

const EXAMPLES = `
Example:
  coppice get -A
  coppice get hello-web-0 -o yaml
  coppice get sd/hello -o wide
  coppice get -o name`;

/** `coppice get`: a row for each appliance, with the duration of its steps, or the objects for programs. */
export function getCommand(): Command {
  const command = new Command('get')
    .description('list appliances with their services, hosts, states, URLs and the duration of each step')
    .argument('[appliance...]', `${TARGET_HELP}; all of the namespace if none is given`, parseTargets)
    .option('-A, --all-namespaces', 'list the appliances of all namespaces', false)
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(async (targets: readonly Target[], options: GetOptions) => {
      if (targets.length === 0) await printAll(options);
      else if (options.allNamespaces) command.error(`error: ${NAMES_OF_ALL}`);
      else await printNamed(targets, options);
    });
  return addClusterOptions(command);
}

const NAMES_OF_ALL =
  'a name is looked for in one namespace: name it with -n, or leave out the names to list all namespaces';

async function printAll(options: GetOptions): Promise<void> {
  await withClient(options, async (client, namespace) => {
    const items = await listAll(client, options.allNamespaces ? undefined : namespace);
    const scope = options.allNamespaces ? 'any namespace' : `namespace ${namespace}`;
    print(items, options.output, false, `No appliances in ${scope}.`);
  });
}

async function listAll(client: KubeClient, namespace: string | undefined): Promise<VirtualAppliance[]> {
  return (await client.list(VIRTUAL_APPLIANCES, namespace === undefined ? {} : { namespace })).items;
}

/** Prints what exists, then an error for each target that does not; the exit code is 1 if there was one. */
async function printNamed(targets: readonly Target[], options: GetOptions): Promise<void> {
  await withClient(options, async (client, namespace) => {
    const { appliances, missing } = await collectAppliances(client, namespace, targets);
    const single = targets.length === 1 && targets[0]?.kind === 'appliance';
    if (missing.length < targets.length) {
      const names = targets.map(({ name }) => name).join(', ');
      print(appliances, options.output, single, `No appliances of ${names} in namespace ${namespace}.`);
    }
    for (const error of missing) console.error(`error: ${explainError(error)}`);
    if (missing.length > 0) process.exitCode = 1;
  });
}

function print(
  appliances: readonly VirtualAppliance[],
  output: Output | undefined,
  single: boolean,
  ifNone: string,
): void {
  printObjects(appliances, output, () => formatAppliances(appliances, output, single), ifNone);
}

import { Command } from 'commander';
import {
  HOSTS,
  IP_LEASES,
  IP_POOLS,
  SERVICE_DEPLOYMENTS,
  TEMPLATE_FOLLOWS,
  TEMPLATE_LABELS,
  TEMPLATES,
  VIRTUAL_APPLIANCES,
} from '../../api/kinds.ts';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { type KubeObject, keyOf, type ResourceRef } from '../../base/object.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { type AnyClusterOptions, addAnyClusterOptions, withAnyCluster } from '../cluster.ts';
import { option, parseInteger } from '../options.ts';
import { interruption } from '../steps.ts';

type ClearOptions = AnyClusterOptions & { readonly yes: boolean; readonly timeout: number };

const POLL_MS = 500;
/** In this order, since objects of a kind may hold objects of later kinds. */
const KINDS: readonly ResourceRef[] = [
  SERVICE_DEPLOYMENTS,
  VIRTUAL_APPLIANCES,
  TEMPLATE_FOLLOWS,
  TEMPLATE_LABELS,
  TEMPLATES,
  IP_POOLS,
  HOSTS,
  // They go with appliances and hosts; what is left belongs to no object.
  IP_LEASES,
];

/** `coppice clear`: removes everything that Coppice runs in a cluster, before it is uninstalled. */
export function clearCommand(): Command {
  const command = new Command('clear')
    .description(
      'delete everything that Coppice manages in a cluster (tasks, appliances, templates and their labels, address pools and hosts of all namespaces), and wait until the VMs and their disks are gone',
    )
    .option('--yes', 'confirm: deleted VMs and disks cannot be restored', false)
    .addOption(
      option('--timeout <seconds>', 'give up after this time', 'COPPICE_CLEAR_TIMEOUT', 600).argParser(
        parseInteger(1, 86_400),
      ),
    )
    .addHelpText('after', '\nExample:\n  coppice clear --yes')
    .action(async (options: ClearOptions) => {
      if (!options.yes) command.error('error: this deletes every VM and its disk: add --yes to confirm');
      await withAnyCluster(options, (client) => clear(client, options.timeout));
    });
  return addAnyClusterOptions(command);
}

async function clear(client: KubeClient, timeoutSeconds: number): Promise<void> {
  const signal = interruption(console.error, 'Interrupted. Deletions that have begun will still finish.');
  const deadline = deadlineIn(systemClock, timeoutSeconds * 1000);
  for (const ref of KINDS) {
    for (;;) {
      const { items } = await client.list(ref, { signal });
      if (items.length === 0) break;
      await deleteAll(client, ref, items, signal);
      if (isOver(systemClock, deadline)) {
        const left = items.slice(0, 10).map(keyOf).join(', ');
        throw new Error(
          `after ${timeoutSeconds} s there are still ${items.length} ${ref.plural}: ${left}: ` +
            `see with \`kubectl describe\` what they wait for, then run this again`,
        );
      }
      await sleep(systemClock, POLL_MS, signal);
    }
    console.log(`No ${ref.plural} are left.`);
  }
}

async function deleteAll(
  client: KubeClient,
  ref: ResourceRef,
  items: readonly KubeObject[],
  signal: AbortSignal,
): Promise<void> {
  for (const { metadata } of items.filter((item) => item.metadata.deletionTimestamp === undefined)) {
    const { name, namespace } = metadata;
    await client.delete(ref, { name, namespace }, { propagationPolicy: 'Background', signal });
  }
}

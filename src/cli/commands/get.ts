import { Command } from 'commander';
import { VIRTUAL_APPLIANCES } from '../../api/kinds.ts';
import { applianceTable } from '../appliance-table.ts';
import { addClusterOptions, type ClusterOptions, withClient } from '../cluster.ts';

type GetOptions = ClusterOptions & { readonly allNamespaces: boolean };

/** `coppice get`: a row for each appliance, with the duration of its steps. */
export function getCommand(): Command {
  const command = new Command('get')
    .description('list appliances with their services, hosts, states, URLs and the duration of each step')
    .option('-A, --all-namespaces', 'list the appliances of all namespaces', false)
    .addHelpText('after', '\nExample:\n  coppice get -A')
    .action((options: GetOptions) =>
      withClient(options, async (client, namespace) => {
        const where = options.allNamespaces ? {} : { namespace };
        const { items } = await client.list(VIRTUAL_APPLIANCES, where);
        const scope = options.allNamespaces ? 'any namespace' : `namespace ${namespace}`;
        console.log(items.length === 0 ? `No appliances in ${scope}.` : applianceTable(items));
      }),
    );
  return addClusterOptions(command);
}

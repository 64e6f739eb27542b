import { Command } from 'commander';
import { addClusterOptions, type ClusterOptions, withCluster } from '../cluster.ts';
import { makeDerived, readWhole } from '../images/derived-template.ts';
import { untilReady } from '../images/template-ready.ts';
import { interruption } from '../steps.ts';
import { addVersionAndWait } from './template-save.ts';

type FlattenOptions = ClusterOptions & {
  readonly series?: string;
  readonly version?: string;
  readonly from?: string;
  readonly timeout: number;
  readonly wait: boolean;
};

/** `coppice template flatten NAME NEW`: a Template that has all layers of another one in one. */
export function flattenTemplateCommand(): Command {
  const command = new Command('flatten')
    .description(
      'make a template that has all layers of another one in one layer, which stands on none: its disks are faster than those of a deep ' +
        'tree, others can be built on it, and the other template may go',
    )
    .argument('<template>', 'the template')
    .argument('<new>', 'name of the new Template')
    .option('--from <namespace>', 'namespace of the template, if different')
    .addHelpText(
      'after',
      '\nExample:\n  coppice template flatten site-12 site-flat\n  coppice template flatten golden mine --from images --series site --version 2',
    )
    .action(flatten);
  return addClusterOptions(addVersionAndWait(command));
}

async function flatten(template: string, name: string, options: FlattenOptions): Promise<void> {
  const signal = interruption(console.error, 'Interrupted: the template is made all the same.');
  await withCluster(options, async (cluster) => {
    const { client, namespace } = cluster;
    const { from = namespace } = options;
    const { spec } = await readWhole(client, { name: template, namespace: from });
    const made = await makeDerived(cluster, name, {
      source: { flattened: { name: template, ...(from === namespace ? {} : { namespace: from }) } },
      origin: spec,
      version: options,
      isSame: ({ flattened }) => flattened?.name === template && (flattened.namespace ?? namespace) === from,
    });
    console.error(`Template ${namespace}/${name} ${made}.`);
    if (options.wait) await untilReady(client, { name, namespace }, options.timeout, signal);
  });
}

import { Command, Option } from 'commander';
import { VIRTUAL_APPLIANCES } from '../../api/kinds.ts';
import { addClusterOptions, type ClusterOptions, withCluster } from '../cluster.ts';
import { makeDerived, orExplain, readWhole } from '../images/derived-template.ts';
import { untilReady } from '../images/template-ready.ts';
import { option, parseInteger } from '../options.ts';
import { interruption } from '../steps.ts';

type SaveOptions = ClusterOptions & {
  readonly series?: string;
  readonly version?: string;
  readonly flat: boolean;
  readonly memory: boolean;
  readonly timeout: number;
  readonly wait: boolean;
};

/** `coppice template save va/NAME TEMPLATE`: a Template of what an appliance's disk holds now. */
export function saveTemplateCommand(): Command {
  const command = new Command('save')
    .description(
      "make a template of an appliance's disk as it is now: a VM that runs goes on, its file systems at rest for a moment. It boots as the " +
        "appliance's template does; what is in the guest (passwords, keys of services) is in it, too",
    )
    .argument('<appliance>', 'the appliance: va/NAME, or NAME')
    .argument('<template>', 'name of the new Template')
    .option(
      '--flat',
      "copy all that the guest sees, so that it does not stand on the appliance's template",
      false,
    )
    .addOption(
      new Option(
        '--memory',
        'save the memory of its VM, too: appliances with start.from: Checkpoint continue from there. The VM starts again where its host cannot fork it',
      )
        .default(false)
        .conflicts('flat'),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice template save va/web-0 web-golden\n  coppice template save web-0 web-2 --series web --version 2 --no-wait',
    )
    .action(save);
  return addClusterOptions(addVersionAndWait(command));
}

/** The options of commands that make a Template of what is there. */
export function addVersionAndWait(command: Command): Command {
  return command
    .option('--series <name>', 'series of which it is a version')
    .option('--version <version>', 'version within the series')
    .option('--no-wait', 'do not wait until it is Ready')
    .addOption(
      option(
        '--timeout <seconds>',
        'wait so long for it to be Ready',
        'COPPICE_SAVE_TIMEOUT',
        1800,
      ).argParser(parseInteger(1, 86_400)),
    );
}

async function save(argument: string, name: string, options: SaveOptions): Promise<void> {
  const signal = interruption(console.error, 'Interrupted: the template is made all the same.');
  const applianceName = argument.replace(/^(va|virtualappliances?)\//, '');
  await withCluster(options, async (cluster) => {
    const { client, namespace } = cluster;
    const { metadata, spec } = await orExplain(
      client.get(VIRTUAL_APPLIANCES, { name: applianceName, namespace }),
      `appliance ${namespace}/${applianceName} does not exist: \`coppice get va\` lists those that do`,
    );
    // Otherwise it has all that from the appliance's template.
    const origin = options.flat ? (await readWhole(client, { namespace, ...spec.template })).spec : {};
    const { uid = '' } = metadata;
    const { flat, memory } = options;
    const appliance = {
      ...{ name: metadata.name, uid },
      ...(flat ? { flat } : {}),
      ...(memory ? { memory } : {}),
    };
    const made = await makeDerived(cluster, name, {
      source: { appliance },
      origin,
      version: options,
      isSame: ({ appliance: known }) =>
        known?.uid === uid && (known.flat === true) === flat && (known.memory === true) === memory,
    });
    console.error(`Template ${namespace}/${name} ${made}.`);
    if (options.wait) await untilReady(client, { name, namespace }, options.timeout, signal);
  });
}

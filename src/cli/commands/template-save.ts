import { Command } from 'commander';
import { TEMPLATES, type Template, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../api/kinds.ts';
import { isAlreadyExists, isNotFound } from '../../kube/api-error.ts';
import { addClusterOptions, type Cluster, type ClusterOptions, withCluster } from '../cluster.ts';
import { untilReady } from '../images/template-ready.ts';
import { option, parseInteger } from '../options.ts';
import { interruption } from '../steps.ts';

type SaveOptions = ClusterOptions & {
  readonly series?: string;
  readonly version?: string;
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
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice template save va/web-0 web-golden\n  coppice template save web-0 web-2 --series web --version 2 --no-wait',
    )
    .action(save);
  return addClusterOptions(command);
}

async function save(argument: string, name: string, options: SaveOptions): Promise<void> {
  const signal = interruption(console.error, 'Interrupted: the template is made all the same.');
  const applianceName = argument.replace(/^(va|virtualappliances?)\//, '');
  await withCluster(options, async (cluster) => {
    const { client, namespace } = cluster;
    const appliance = await orExplain(
      client.get(VIRTUAL_APPLIANCES, { name: applianceName, namespace }),
      `appliance ${namespace}/${applianceName} does not exist: \`coppice get va\` lists those that do`,
    );
    const { name: parentName, namespace: parentNamespace = namespace } = appliance.spec.template;
    const parent = await orExplain(
      client.get(TEMPLATES, { name: parentName, namespace: parentNamespace }),
      `template ${parentNamespace}/${parentName} of the appliance does not exist, or you may not read it: how its guest boots is in it`,
    );
    const made = await make(cluster, name, { appliance, parent }, options);
    console.error(`Template ${namespace}/${name} ${made}.`);
    if (options.wait) await untilReady(client, { name, namespace }, options.timeout, signal);
  });
}

type Origin = { readonly appliance: VirtualAppliance; readonly parent: Template };

/** Makes the Template, unless an earlier call for the same appliance did. */
async function make(
  { client, namespace }: Cluster,
  name: string,
  { appliance, parent }: Origin,
  { series, version }: SaveOptions,
): Promise<string> {
  const { uid = '' } = appliance.metadata;
  const { guest, container } = parent.spec;
  const template = {
    apiVersion: `${TEMPLATES.group}/${TEMPLATES.version}`,
    kind: TEMPLATES.kind,
    metadata: { name, namespace },
    spec: {
      ...(series === undefined ? {} : { series }),
      ...(version === undefined ? {} : { version }),
      source: { appliance: { name: appliance.metadata.name, uid } },
      guest,
      container,
    },
  };
  try {
    // The API server fills in the rest.
    await client.create(TEMPLATES, template as Template);
    return 'is made';
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const { source } = (await client.get(TEMPLATES, { name, namespace })).spec;
    if (source.appliance?.uid === uid) return 'is there';
    throw new Error(
      `template ${namespace}/${name} exists, and is of something else than this appliance: give another name, or delete it`,
    );
  }
}

async function orExplain<T>(call: Promise<T>, message: string): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) throw new Error(message);
    throw error;
  }
}

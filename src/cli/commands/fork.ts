import { Command, Option } from 'commander';
import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../api/kinds.ts';
import { apiVersionOf } from '../../base/object.ts';
import { isAlreadyExists } from '../../kube/api-error.ts';
import { addClusterOptions, type Cluster, type ClusterOptions, withCluster } from '../cluster.ts';
import { makeDerived, orExplain } from '../images/derived-template.ts';
import { untilReady } from '../images/template-ready.ts';
import { option, parseInteger } from '../options.ts';
import { interruption } from '../steps.ts';

type ForkOptions = ClusterOptions & {
  readonly count: number;
  readonly onClone: 'Restart' | 'Hook';
  readonly coolDown: string;
  readonly timeout: number;
};

/** `coppice fork APPLIANCE NEW`: appliances that continue from where another one is. */
export function forkCommand(): Command {
  const command = new Command('fork')
    .description(
      'make appliances that continue from where another one is now: its memory, its processes, its disks. The other one runs on where its host ' +
        'can fork it; each new one becomes a machine of its own. What is in the memory (keys, tokens) is in all of them',
    )
    .argument('<appliance>', 'the appliance that runs: va/NAME, or NAME')
    .argument(
      '<new>',
      'name of the new appliance, or what their names begin with, and of the Template that has that moment',
    )
    .addOption(
      option(
        '--count <number>',
        'how many, all of one moment: NEW-0, NEW-1, …',
        'COPPICE_FORK_COUNT',
        1,
      ).argParser(parseInteger(1, 100)),
    )
    .addOption(
      new Option(
        '--on-clone <what>',
        "Hook: processes run on, and the guest's programs in /etc/coppice/on-clone.d run; Restart: services start again",
      )
        .choices(['Hook', 'Restart'])
        .default('Hook'),
    )
    .option('--cool-down <time>', 'the Template is removed when it was unused for this time', '1h')
    .addOption(
      option(
        '--timeout <seconds>',
        'wait so long for that moment to be saved',
        'COPPICE_FORK_TIMEOUT',
        600,
      ).argParser(parseInteger(1, 86_400)),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice fork va/web-0 web-try\n  coppice fork web-0 worker --count 4',
    )
    .action(fork);
  return addClusterOptions(command);
}

async function fork(argument: string, name: string, options: ForkOptions): Promise<void> {
  const signal = interruption(
    console.error,
    'Interrupted: the template is made all the same, and no appliance.',
  );
  const sourceName = argument.replace(/^(va|virtualappliances?)\//, '');
  await withCluster(options, async (cluster) => {
    const { client, namespace } = cluster;
    const source = await orExplain(
      client.get(VIRTUAL_APPLIANCES, { name: sourceName, namespace }),
      `appliance ${namespace}/${sourceName} does not exist: \`coppice get va\` lists those that do`,
    );
    await makeMoment(cluster, name, source, options);
    await untilReady(client, { name, namespace }, options.timeout, signal);
    const names =
      options.count === 1 ? [name] : Array.from({ length: options.count }, (_, index) => `${name}-${index}`);
    for (const each of names) await makeChild(cluster, each, name, source);
    console.error(
      `Each is Ready when its service answers: kubectl -n ${namespace} wait --for=condition=Ready va/${names[0]}`,
    );
  });
}

/** The template that has the memory and the disks of this moment, for as long as it is used. */
async function makeMoment(
  cluster: Cluster,
  name: string,
  { metadata }: VirtualAppliance,
  { coolDown, onClone }: ForkOptions,
): Promise<void> {
  const { uid = '' } = metadata;
  const made = await makeDerived(cluster, name, {
    source: { appliance: { name: metadata.name, uid, memory: true } },
    origin: { guest: { onClone }, lifecycle: { coolDown } },
    version: {},
    isSame: ({ appliance }) => appliance?.uid === uid && appliance.memory === true,
  });
  console.error(`Template ${cluster.namespace}/${name} ${made}.`);
}

/** As its source is declared, but for what only one can have: a port of the host, an address, a hostname. */
async function makeChild(
  { client, namespace }: Cluster,
  name: string,
  template: string,
  { metadata, spec }: VirtualAppliance,
): Promise<void> {
  const { resources, service, package: content, parameters, disk, network, timeouts, placement } = spec;
  const { hostname: _, ...kept } = parameters ?? {};
  const { address: __, ports, ...net } = network;
  const child = {
    ...{ apiVersion: apiVersionOf(VIRTUAL_APPLIANCES), kind: VIRTUAL_APPLIANCES.kind },
    metadata: { name, namespace },
    spec: {
      ...{
        template: { name: template },
        start: { from: 'Checkpoint' },
        resources,
        disk,
        timeouts,
        placement,
      },
      service: { ...service, name: service.name ?? metadata.name },
      network: { ...net, ...(ports && { ports: ports.map(({ hostPort: ___, ...port }) => port) }) },
      ...(content && { package: content }),
      ...(parameters && { parameters: kept }),
    },
  };
  try {
    // The API server fills in the rest.
    await client.create(VIRTUAL_APPLIANCES, child as unknown as VirtualAppliance);
    console.error(`Appliance ${namespace}/${name} is made.`);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const found = await client.get(VIRTUAL_APPLIANCES, { name, namespace });
    if (found.spec.template.name !== template)
      throw new Error(
        `appliance ${namespace}/${name} exists, and is another one: give another name, or delete it`,
      );
    console.error(`Appliance ${namespace}/${name} is there.`);
  }
}

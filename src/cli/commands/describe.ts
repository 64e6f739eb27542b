import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import type { VirtualAppliance } from '../../api/kinds.ts';
import { stateOf } from '../appliance-table.ts';
import { addClusterOptions, type Cluster, type ClusterOptions, withCluster } from '../cluster.ts';
import { section, tellConditions, tellEvents, tellFacts } from '../sections.ts';
import { openLogOf } from '../streams.ts';
import { formatSeconds, formatTable } from '../table.ts';
import { parseTarget, someAppliances, TARGET_HELP, type Target } from '../targets.ts';

const CONSOLE_BYTES = 2000;

/** `coppice describe NAME`: all about an appliance, or about each of a task, from its placement to the last lines of its console. */
export function describeCommand(): Command {
  const command = new Command('describe')
    .description(
      'show all about an appliance: placement, conditions, steps, VM, Events and the end of its console',
    )
    .argument('<appliance>', TARGET_HELP, parseTarget)
    .addHelpText('after', '\nExample:\n  coppice describe hello-web-0\n  coppice describe sd/hello')
    .action((target: Target, options: ClusterOptions) =>
      withCluster(options, async (cluster) => {
        const texts: string[] = [];
        for (const appliance of await someAppliances(cluster.client, cluster.namespace, target)) {
          texts.push(await describeAppliance(cluster, appliance));
        }
        console.log(texts.join('\n\n\n'));
      }),
    );
  return addClusterOptions(command);
}

async function describeAppliance({ client, config }: Cluster, appliance: VirtualAppliance): Promise<string> {
  const sections = [...tellAppliance(appliance), await tellEvents(client, appliance)];
  if (appliance.spec.hostName !== undefined) {
    const tail = await openLogOf(config, appliance.metadata, `bytes=${CONSOLE_BYTES}`)
      .then(text)
      .catch((error: Error) => `<unavailable: ${error.message}>`);
    sections.push(section('Console (last lines)', tail.trimEnd() || '<empty>'));
  }
  return sections.join('\n\n');
}

/** All sections but Events and console: those that come from the object itself. */
export function tellAppliance(appliance: VirtualAppliance): string[] {
  return [
    tellSummary(appliance),
    tellPlacement(appliance),
    tellConditions(appliance.status?.conditions),
    tellSteps(appliance),
    tellVm(appliance),
  ];
}

function tellSummary(appliance: VirtualAppliance): string {
  const { metadata, spec, status } = appliance;
  const facts: [string, string][] = [
    ['Name', `${metadata.namespace}/${metadata.name}`],
    ['UUID', metadata.uid ?? '-'],
    ['Template', `${spec.template.namespace ?? metadata.namespace}/${spec.template.name}`],
    ['Resources', `${spec.resources.cpu} CPU, ${spec.resources.memory} memory`],
    ['Host', spec.hostName ?? 'not placed yet'],
    ['State', stateOf(appliance)],
    ['Address', tellAddress(status?.network)],
    ['URLs', status?.accessPoints?.join(', ') || '-'],
    [
      'Ports',
      status?.endpoints
        ?.map((end) => `${end.name}: ${end.address}:${end.port} -> ${end.guestPort}`)
        .join(', ') || '-',
    ],
  ];
  return tellFacts(facts);
}

function tellAddress(network: NonNullable<VirtualAppliance['status']>['network']): string {
  if (network === undefined) return '-';
  const { address, prefix, gateway, pool } = network;
  return `${address}/${prefix} of pool ${pool}${gateway === undefined ? '' : `, gateway ${gateway}`}`;
}

function tellPlacement({ status }: VirtualAppliance): string {
  const { message, placedTime, reasons } = status?.placement ?? {};
  const lines = [`${message ?? 'waiting for placement'}${placedTime ? ` (${placedTime})` : ''}`];
  for (const { host, reason } of reasons ?? []) lines.push(`${host}: ${reason}`);
  return section('Placement', lines.join('\n'));
}

function tellSteps({ status }: VirtualAppliance): string {
  const rows = (status?.steps ?? []).map((step) => [
    step.name,
    step.state,
    `${step.attempts ?? 0}`,
    formatSeconds(step.seconds ?? 0),
    step.startedTime ?? '-',
    step.message ?? '',
  ]);
  return section('Steps', formatTable(['STEP', 'STATE', 'ATTEMPTS', 'TOOK', 'STARTED', 'MESSAGE'], rows));
}

function tellVm({ status }: VirtualAppliance): string {
  const { state, pid, accelerator, startedTime, commandLine } = status?.vm ?? {};
  const head = `${state ?? 'Absent'}${pid ? `, process ${pid}` : ''}${accelerator ? `, ${accelerator}` : ''}${startedTime ? `, last started ${startedTime}` : ''}`;
  return section('VM', commandLine === undefined ? head : `${head}\n${commandLine.join(' ')}`);
}

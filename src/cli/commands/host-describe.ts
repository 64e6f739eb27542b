import { Command } from 'commander';
import {
  HOSTS,
  type Host,
  TEMPLATES,
  type Template,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../api/kinds.ts';
import { keyOf } from '../../base/object.ts';
import { describeBytes } from '../../domain/quantity.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { stateOf } from '../appliance-table.ts';
import { addServerOptions, withClient } from '../cluster.ts';
import { addHostAccessOptions, type HostAccessOptions, withDaemonOf } from '../host-access.ts';
import { readinessOf } from '../host-table.ts';
import { section, tellConditions, tellEvents, tellFacts } from '../sections.ts';
import { formatTable } from '../table.ts';
import { claimsOf, nameOf } from '../unclaimed.ts';

/** `coppice host describe NAME`: all about a host, from the API and from its daemon. */
export function describeHostCommand(): Command {
  const command = new Command('describe')
    .description(
      'show all about a host: state, resources, layers, appliances, those that nobody claims, and VMs of others',
    )
    .argument('<name>', 'name of the Host object')
    .addHelpText('after', '\nExample:\n  coppice host describe host-a')
    .action((name: string, options: HostAccessOptions) =>
      withClient(options, async (client) => console.log(await describeHost(client, options, name))),
    );
  return addHostAccessOptions(addServerOptions(command));
}

async function describeHost(client: KubeClient, access: HostAccessOptions, name: string): Promise<string> {
  const host = await client.get(HOSTS, { name });
  const [{ items }, templates] = await Promise.all([client.list(VIRTUAL_APPLIANCES), client.list(TEMPLATES)]);
  const unclaimed = await tellUnclaimed(client, access, name).catch(
    (error: Error) => `<unavailable: ${error.message}>`,
  );
  return [
    ...tellHost(
      host,
      items.filter(({ spec }) => spec.hostName === name),
      templates.items,
    ),
    section('Unclaimed appliances (no VirtualAppliance has their uuid)', unclaimed),
    await tellEvents(client, host),
  ].join('\n\n');
}

/** What the objects alone tell. @param appliances those bound to the host */
function tellHost(
  host: Host,
  appliances: readonly VirtualAppliance[],
  templates: readonly Template[],
): string[] {
  return [
    tellSummary(host),
    tellResources(host),
    tellConditions(host.status?.conditions),
    tellLayers(host, templates),
    section(
      'Appliances',
      tableOrNone(['APPLIANCE', 'STATE', 'CPU', 'MEMORY'], appliances.map(applianceRow).sort(byFirst)),
    ),
    section('VMs of others (never touched)', host.status?.foreignVms?.join('\n') || '<none>'),
  ];
}

function tellSummary(host: Host): string {
  const { metadata, spec, status } = host;
  const { name, version, accelerator, acceleratorReason } = status?.driver ?? {};
  const why = acceleratorReason === undefined ? '' : `: ${acceleratorReason}`;
  return tellFacts([
    ['Name', metadata.name],
    ['Address', spec.address],
    ['Ready', readinessOf(host)],
    ['Driver', name === undefined ? '-' : `${name} ${version} (${accelerator}${why})`],
    ['Daemon', status?.daemonVersion ?? '-'],
    ['Shared directory', status?.sharedDirectory ?? '-'],
    ['Last seen', status?.lastSeenTime ?? '-'],
  ]);
}

function tellResources({ status }: Host): string {
  const { capacity, used, usedByAppliances, promised } = status ?? {};
  const rows = [
    ['CPU', capacity?.cpu, used?.cpu, usedByAppliances?.cpu, promised?.cpu],
    ['memory', capacity?.memory, used?.memory, usedByAppliances?.memory, promised?.memory],
    ['disk', capacity?.disk, used?.disk, undefined, promised?.disk],
  ].map((row) => row.map((cell) => cell ?? '-'));
  return section('Resources', formatTable(['', 'CAPACITY', 'USED', 'BY APPLIANCES', 'PROMISED'], rows));
}

function tellLayers({ status }: Host, templates: readonly Template[]): string {
  const rows = (status?.layers ?? []).map(({ identity, kind, state, message }) => {
    const of = templates.filter((one) => Object.values(one.status?.layers ?? {}).includes(identity));
    return [of.map(keyOf).sort().join(' ') || '-', kind ?? '-', state, identity, message ?? ''];
  });
  return section(
    'Layers',
    tableOrNone(['TEMPLATES', 'KIND', 'STATE', 'LAYER', 'MESSAGE'], rows.sort(byFirst)),
  );
}

function applianceRow(appliance: VirtualAppliance): string[] {
  const { cpu, memory } = appliance.spec.resources;
  return [keyOf(appliance), stateOf(appliance), `${cpu}`, `${memory}`];
}

/** Only the daemon knows them whole. */
async function tellUnclaimed(client: KubeClient, access: HostAccessOptions, host: string): Promise<string> {
  const { unclaimed } = await withDaemonOf(client, access, host, (daemon) => claimsOf(client, daemon));
  if (unclaimed.length === 0) return '<none>';
  const rows = unclaimed.map((one) => [
    nameOf(one),
    one.deleting ? 'Deleting' : one.vm.state,
    one.uuid,
    one.diskBytes === undefined ? '-' : describeBytes(one.diskBytes),
    one.diskPath ?? '-',
  ]);
  const table = formatTable(['APPLIANCE', 'VM', 'UUID', 'DISK', 'PATH'], rows.sort(byFirst));
  return `${table}\nDelete one that nobody needs with \`coppice host forget ${host} UUID\`.`;
}

function tableOrNone(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '<none>' : formatTable(header, rows);
}

function byFirst([left = '']: readonly string[], [right = '']: readonly string[]): number {
  return left < right ? -1 : 1;
}

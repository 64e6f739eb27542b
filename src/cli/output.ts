import { Option } from 'commander';
import { dump } from 'js-yaml';
import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../api/kinds.ts';
import { applianceTable, wideApplianceTable } from './appliance-table.ts';

const OUTPUTS = ['json', 'yaml', 'name', 'wide'] as const;

/** How `coppice get` prints: as a table if none is given. */
export type Output = (typeof OUTPUTS)[number];

/** `-o`: how to print appliances. */
export function outputOption(): Option {
  return new Option(
    '-o, --output <format>',
    'json or yaml (the whole objects, for programs), name (for other commands), wide (more columns)',
  ).choices(OUTPUTS);
}

/**
 * Appliances as text. JSON and YAML are what kubectl prints: one object if `single`, else a List, always without managedFields.
 * Empty for no appliances as names.
 */
export function formatAppliances(
  appliances: readonly VirtualAppliance[],
  output: Output | undefined,
  single: boolean,
): string {
  switch (output) {
    case undefined:
      return applianceTable(appliances);
    case 'wide':
      return wideApplianceTable(appliances);
    case 'name':
      return appliances.map(nameForCommands).join('\n');
    case 'json':
      return JSON.stringify(documentOf(appliances, single), undefined, 4);
    case 'yaml':
      return dump(documentOf(appliances, single), { lineWidth: -1, noRefs: true }).trimEnd();
  }
}

/** `virtualappliance.coppice.dev/NAME`, which kubectl and the commands here accept. */
function nameForCommands({ metadata }: VirtualAppliance): string {
  return `${VIRTUAL_APPLIANCES.kind.toLowerCase()}.${VIRTUAL_APPLIANCES.group}/${metadata.name}`;
}

function documentOf(appliances: readonly VirtualAppliance[], single: boolean): object {
  const items = appliances.map(withoutManagedFields);
  const [only] = items;
  if (single && only !== undefined) return only;
  return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items };
}

function withoutManagedFields(appliance: VirtualAppliance): VirtualAppliance {
  const { managedFields: _, ...metadata } = appliance.metadata;
  return { ...appliance, metadata };
}

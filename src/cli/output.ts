import { Option } from 'commander';
import { dump } from 'js-yaml';
import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../api/kinds.ts';
import type { KubeObject, ResourceRef } from '../base/object.ts';
import { applianceTable, wideApplianceTable } from './appliance-table.ts';

const OUTPUTS = ['json', 'yaml', 'name', 'wide'] as const;

/** How `coppice get` prints: as a table if none is given. */
export type Output = (typeof OUTPUTS)[number];

/** `-o`: how to print objects. */
export function outputOption(): Option {
  return new Option(
    '-o, --output <format>',
    'json or yaml (the whole objects, for programs), name (for other commands), wide (more columns)',
  ).choices(OUTPUTS);
}

/** Appliances as text, as `formatObjects` has it. */
export function formatAppliances(
  appliances: readonly VirtualAppliance[],
  output: Output | undefined,
  single: boolean,
): string {
  const table = (isWide: boolean) => (isWide ? wideApplianceTable(appliances) : applianceTable(appliances));
  return formatObjects(VIRTUAL_APPLIANCES, appliances, { output, single, table });
}

interface Format {
  readonly output: Output | undefined;
  /** Whether the user asked for one object by its name. */
  readonly single?: boolean;
  /** The objects as a table for people, with more columns if it is wide. */
  readonly table: (isWide: boolean) => string;
}

/**
 * Objects as text. JSON and YAML are what kubectl prints: one object if `single`, else a List, always without managedFields.
 * Empty for no objects as names.
 */
export function formatObjects<T extends KubeObject>(
  ref: ResourceRef<T>,
  objects: readonly T[],
  { output, single = false, table }: Format,
): string {
  switch (output) {
    case undefined:
      return table(false);
    case 'wide':
      return table(true);
    case 'name':
      return objects.map((object) => nameForCommands(ref, object)).join('\n');
    case 'json':
      return JSON.stringify(documentOf(objects, single), undefined, 4);
    case 'yaml':
      return dump(documentOf(objects, single), { lineWidth: -1, noRefs: true }).trimEnd();
  }
}

/**
 * Prints objects. A table without rows is replaced by the sentence, which programs do not get.
 * @param text what `formatObjects` made of them
 */
export function printObjects(
  objects: readonly KubeObject[],
  output: Output | undefined,
  text: () => string,
  ifNone: string,
): void {
  const isTable = output === undefined || output === 'wide';
  const printed = objects.length === 0 && isTable ? ifNone : text();
  if (printed !== '') console.log(printed);
}

/** `virtualappliance.coppice.dev/NAME`, which kubectl and the commands here accept. */
function nameForCommands({ kind, group }: ResourceRef, { metadata }: KubeObject): string {
  return `${kind.toLowerCase()}.${group}/${metadata.name}`;
}

function documentOf(objects: readonly KubeObject[], single: boolean): object {
  const items = objects.map(withoutManagedFields);
  const [only] = items;
  if (single && only !== undefined) return only;
  return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items };
}

function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

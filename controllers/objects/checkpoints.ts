import { TEMPLATES, type Template, type VirtualAppliance } from '../../src/api/kinds.ts';
import { controllerOf } from '../../src/base/object.ts';
import { parseBytes, parseCpu } from '../../src/domain/quantity.ts';
import { readAmount } from './amounts.ts';

const MEBIBYTE = 1024 * 1024;

type Size = NonNullable<Template['spec']['checkpoint']['sizes']>[number];

/** A checkpoint that a template keeps: the name of the appliance that is saved, and of the template that has it; and for which size. */
export interface WantedCheckpoint {
  readonly name: string;
  readonly size: Size;
}

/** The checkpoints that a template asks for: one for each size of a VM. A size whose amounts cannot be read is left out. */
export function wantedCheckpoints({ metadata, spec }: Template): readonly WantedCheckpoint[] {
  const { enabled, sizes = [] } = spec.checkpoint;
  if (!enabled) return [];
  const wanted = new Map<string, WantedCheckpoint>();
  for (const size of sizes) {
    const name = checkpointName(metadata.name, size);
    if (name !== undefined && !wanted.has(name)) wanted.set(name, { name, size });
  }
  return [...wanted.values()];
}

/** The name of a template's checkpoint for a size, from its virtual CPUs and MiB of memory; undefined where an amount cannot be read. */
export function checkpointName(template: string, { cpu, memory }: Size): string | undefined {
  const millis = readAmount('cpu', cpu, parseCpu);
  const bytes = readAmount('memory', memory, parseBytes);
  if (typeof millis !== 'number' || typeof bytes !== 'number') return undefined;
  return `${prefixOf(template)}${Math.ceil(millis / 1000)}x${Math.ceil(bytes / MEBIBYTE)}`;
}

/** Whether the operator made the appliance, or the template, for one of the checkpoints of this template. */
export function isForCheckpointOf(object: Template | VirtualAppliance, { metadata }: Template): boolean {
  return controllerOf(object)?.uid === metadata.uid && isForCheckpoint(object);
}

/** Whether a template controls it, and its name is that of a checkpoint. People may let a template control what they made themselves. */
export function isForCheckpoint(object: Template | VirtualAppliance): boolean {
  const owner = controllerOf(object);
  return owner?.kind === TEMPLATES.kind && object.metadata.name.startsWith(prefixOf(owner.name));
}

function prefixOf(template: string): string {
  return `${template}-checkpoint-`;
}

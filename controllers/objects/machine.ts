import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { uidOf } from './appliance.ts';

/** The name of an appliance follows from its task, so that it cannot be created twice. */
export function applianceName(task: string, service: string, ordinal: number): string {
  return `${task}-${service}-${ordinal}`;
}

/** How an appliance stands to the machine whose image its template is. */
export type Machine =
  /** The template has no machine's disk. */
  | { readonly kind: 'first' }
  /** It is that machine again. */
  | { readonly kind: 'same'; readonly uid: string }
  /** It has that machine's disk, and is another one. */
  | { readonly kind: 'other' };

/**
 * Decided by names alone, which never change: owner references may be taken away, and a VM must not become another machine because
 * of that.
 */
export function machineIn({ metadata }: VirtualAppliance, template: Template): Machine {
  const { recalled, source } = template.spec;
  // A template that was saved has the keys of the machine that it was saved of.
  if (recalled === undefined)
    return { kind: source.appliance === undefined && source.flattened === undefined ? 'first' : 'other' };
  const { task, service, ordinal, machine } = recalled;
  const isSame =
    metadata.namespace === template.metadata.namespace &&
    metadata.name === applianceName(task, service, ordinal);
  return isSame ? { kind: 'same', uid: machine } : { kind: 'other' };
}

/** The uid of the appliance that first was the machine that this one is. */
export function machineUidOf(appliance: VirtualAppliance, template: Template): string {
  const machine = machineIn(appliance, template);
  return machine.kind === 'same' ? machine.uid : uidOf(appliance);
}

/**
 * What shapes a VM: the parts of an appliance's spec that only a new VM can have otherwise, and for each the fields in which
 * the daemon receives it. Everything else changes in place; so does the size of the disk, which may only grow. A task replaces an appliance by this list, and a daemon refuses
 * a change by it, so that a task never asks a daemon for a change that it refuses. scripts/vm-shape.test.ts holds both against
 * this list, and fails for a new field that is neither here nor among what changes in place.
 */
export const VM_SHAPE = {
  template: ['layer', 'machine', 'boot', 'xen', 'cd'],
  disk: ['disk'],
  network: ['network'],
} as const;

/** A part of an appliance's spec that shapes its VM. */
export type VmPart = keyof typeof VM_SHAPE;
/** A field of what a daemon receives that shapes the VM. */
export type VmField = (typeof VM_SHAPE)[VmPart][number];

export const VM_PARTS = Object.keys(VM_SHAPE) as readonly VmPart[];
/** In the order in which a daemon compares them: the first that differs is named. */
export const VM_FIELDS: readonly VmField[] = Object.values(VM_SHAPE).flat();

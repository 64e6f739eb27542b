import { HostError } from './host-error.ts';

/** Errors of making a layer of an appliance's disk. */
export const sealErrors = {
  noSuchSeal: (uuid: string) =>
    new HostError('NotFound', `this host has no seal ${uuid}`, { kind: 'refused', status: 404 }),
  sealOfOther: (uuid: string) =>
    new HostError('Immutable', `seal ${uuid} is there, and of other disks: delete it first`, {
      kind: 'refused',
      status: 409,
    }),
  applianceToSealGone: (uuid: string) =>
    new HostError(
      'ApplianceGone',
      `appliance ${uuid} is not on this host, or is being deleted, so no layer can be made of its disk`,
      { kind: 'stalled' },
    ),
  nothingToSeal: (label: string) =>
    new HostError('DiskNotMade', `${label} has no disk yet: it is sealed when it has one`),
  vmInTheWay: (label: string, state: string) =>
    new HostError(
      'VmNotAtRest',
      `the VM of ${label} is ${state}: its disk is sealed when the VM is off, or runs (then the VM goes on)`,
    ),
  vmMustBeOff: (label: string, driver: string) =>
    new HostError(
      'VmMustBeOff',
      `hosts with driver ${driver} cannot copy the disk of a VM that runs: stop ${label} (powerState: Stopped), and it is sealed`,
    ),
  captureFailed: (vm: string, why: string) =>
    new HostError('CaptureFailed', `the disk of VM ${vm} could not be copied: ${why}; it is tried again`),
  diskSealed: (path: string) =>
    new HostError('DiskSealed', `${path} is a layer as well, and is copied before its VM writes to it`),
};

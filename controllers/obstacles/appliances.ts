import { ANNOTATION_FORCE_DELETE } from '../../src/api/labels.ts';
import type { NeededForVm, NeededNetwork } from '../../src/domain/placement/types.ts';
import { type Explanation, type Obstacle, stalled, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

const forceHint = `if it never comes back, set the annotation ${ANNOTATION_FORCE_DELETE}: "true" to delete without it`;

const LACKING: Readonly<Record<NeededForVm, string>> = {
  uefi: 'has no UEFI, by which the template boots: install it there (Debian: apt-get install ovmf), or use a host with QEMU that has it',
  dataDisk: 'has a daemon that knows no second disks: upgrade it',
  scsiDisk:
    'has no disks at a SCSI controller, which the template asks for (guest.diskBus): use a host with QEMU, and upgrade its daemon ' +
    'if it is older than they are',
  hvmCdDrive: 'has a daemon that knows no CDs, and the template has one (guest.cd): upgrade it',
  cdDrive:
    'has no CD drive for a guest of type PV or PVH, and the template has a CD (guest.cd): use a host with QEMU, and upgrade its daemon if ' +
    'it is older than CDs are',
  capturable:
    'cannot save the memory of VMs, which the appliance asks for (capturable): use a host with QEMU, and upgrade its daemon if it is older ' +
    'than that',
};

/** What keeps an appliance from running, or from being deleted. */
export const applianceObstacles = {
  hostNotFound: (host: string): Obstacle =>
    waiting(
      REASON.HostNotFound,
      `host ${host} is not registered: register it, or delete this appliance, whose host cannot be changed`,
    ),
  networkNotSupported: (host: string, needed: NeededNetwork): Obstacle =>
    waiting(
      REASON.NetworkNotSupported,
      needed === 'bridgeNetwork'
        ? `host ${host} has no bridge: give its daemon one (coppice hostd --bridge)`
        : `host ${host} has no user networking: delete this appliance, and create one that names a pool`,
    ),
  notSupportedByHost: (host: string, needed: NeededForVm): Obstacle =>
    waiting(REASON.NotSupportedByHost, `host ${host} ${LACKING[needed]}`),
  /** @param problem such as `CPU quantity "-1" is negative: give zero or more` */
  invalidAmount: (field: string, problem: string): Obstacle =>
    stalled(REASON.InvalidAmount, `${field}: ${problem}; correct it in spec`),
  memoryBelowMinimum: (asked: string | number, minimum: string | number, template: string): Obstacle =>
    stalled(
      REASON.MemoryBelowMinimum,
      `${asked} of memory is less than the ${minimum} that template ${template} needs to boot: ask for more`,
    ),
  cloudInitMissing: (field: string, template: string): Obstacle =>
    stalled(
      REASON.CloudInitMissing,
      `parameters.${field} needs a guest with cloud-init, and guest.init of template ${template} is none: remove it, or use a ` +
        'template with guest.init cloud-init',
    ),
  /** @param problem such as `its YAML is not a map of settings` */
  userDataInvalid: (problem: string): Obstacle =>
    stalled(REASON.UserDataInvalid, `parameters.cloudInit.userData cannot be used: ${problem}; correct it`),
  /** @param lacking what the host would need for it, and has */
  resizePending: (host: string, lacking: string): Obstacle =>
    waiting(
      REASON.ResizePending,
      `the VM keeps running as it is, since host ${host} lacks the room for its new size: it would need ${lacking}; ` +
        'it is resized as soon as there is room: free some, or ask for less',
    ),
  /** Nothing is known about the VM, and what is (not) done about that. */
  hostLost: (host: string, onHostFailure: string): Obstacle => {
    const action =
      onHostFailure === 'Stay'
        ? 'the appliance waits for the host'
        : `onHostFailure is ${onHostFailure}, which is not supported yet: the appliance waits for the host; ` +
          'delete the appliance to have another one created elsewhere';
    return waiting(
      REASON.HostUnreachable,
      `host ${host} does not answer, so the state of the VM is unknown: nothing is destroyed, ${action}`,
    );
  },
  removalWithoutHost: (host: string): Obstacle =>
    waiting(
      REASON.HostNotFound,
      `host ${host} is not registered, so its daemon cannot delete the VM: register it again; ${forceHint}`,
    ),
  removalUnreachable: (host: string): Obstacle =>
    waiting(
      REASON.HostUnreachable,
      `host ${host} does not answer; the VM is deleted when it does; ${forceHint}`,
    ),
  deleting: (host: string): Obstacle =>
    waiting(REASON.Deleting, `host ${host} is deleting the VM and its disk`),
};

/** How far an appliance is when nothing is in its way. */
export const applianceProgress = {
  pending: (): Explanation => ({ reason: REASON.Pending, message: 'a host is being chosen' }),
  placed: (host: string): Explanation => ({ reason: REASON.Placed, message: `bound to host ${host}` }),
  requestingVm: (host: string | undefined): Explanation => ({
    reason: REASON.VMUnavailable,
    message: `the request to create the VM is being sent to host ${host}`,
  }),
  updating: (host: string | undefined): Explanation => ({
    reason: REASON.Updating,
    message: `the change is being sent to host ${host}`,
  }),
  changing: (host: string): Explanation => ({
    reason: REASON.Updating,
    message: `host ${host} carries out the change`,
  }),
  /** @param note why its disk is not as a guest leaves it that shuts itself down */
  stopped: (note?: string): Explanation => ({
    reason: note === undefined ? REASON.Stopped : REASON.PoweredOff,
    message: `the VM is stopped, as spec.powerState asks${note === undefined ? '' : `; ${note}`}`,
  }),
  /** @param hasMemory whether there is anything to go on from */
  suspended: (hasMemory: boolean): Explanation => ({
    reason: REASON.Suspended,
    message: hasMemory
      ? 'the VM is suspended, as spec.powerState asks: its memory is on the disk of its host'
      : 'the VM is off, and did not run when spec.powerState asked for its suspension: it will boot',
  }),
  built: (): Explanation => ({
    reason: REASON.Built,
    message: 'all steps of the build are done, and the VM is off',
  }),
  /** @param serviceState the state that the host reports */
  working: (serviceState: string, step: string | undefined): Explanation => ({
    reason: serviceState,
    message: step === undefined ? 'its host is working on it' : `its host is at step ${step}`,
  }),
  /** @param note what a step that is done says all the same */
  available: (serviceState: string, url: string | undefined, note?: string): Explanation => ({
    reason: serviceState,
    message: `the service answers${url === undefined ? '' : ` at ${url}`}${note === undefined ? '' : `; ${note}`}`,
  }),
};

/** What people should know, and no condition says. */
export const applianceEvents = {
  /** @param isAgain whether it ran before: it crashed, was restarted by its host, or a change took a restart */
  started: (isAgain: boolean): Explanation => ({
    reason: REASON.Started,
    message: isAgain ? 'the VM was started again' : 'the VM was started',
  }),
  /** @param why the host's words */
  booted: (why: string): Explanation => ({ reason: REASON.CheckpointUnusable, message: why }),
  /** @param answer what the condition Ready says */
  changed: (generation: number, answer: string): Explanation => ({
    reason: REASON.Changed,
    message: `the change is carried out (generation ${generation}): ${answer}`,
  }),
  missing: (host: string | undefined): Explanation => ({
    reason: REASON.ApplianceMissing,
    message: `host ${host} no longer has this appliance nor its disk: it is created again from its template`,
  }),
  forceDeleted: (host: string): Explanation => ({
    reason: REASON.ForceDeleted,
    message:
      `deleted without host ${host}, as the annotation ${ANNOTATION_FORCE_DELETE} asks: ` +
      'its VM and its disk may still be on that host',
  }),
};

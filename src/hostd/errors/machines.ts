import type { Problem } from '../../host/protocol.ts';
import { HostError, messageOf } from './host-error.ts';

const tail = (console: string) =>
  console.trim() === '' ? 'its console is empty' : `the last lines of its console:\n${console.trim()}`;

/** Who does not want to wait for a suspended VM any more. */
const GIVE_UP =
  'To give that memory up, set spec.powerState to Stopped, then to Running: the VM boots, with its disk as after a loss of power';

/** Errors of the hypervisor, its VMs, and the host ports that lead to them. */
export const machineErrors = {
  portInUse: (port: number, holder: string) =>
    new HostError(
      'PortInUse',
      `port ${port} of this host is in use by ${holder}: free it, or choose another port; the daemon tries again by itself`,
    ),
  noFreePort: (first: number, last: number) =>
    new HostError(
      'NoFreePort',
      `no port between ${first} and ${last} is free on this host: give the daemon a larger range`,
    ),

  vmStartFailed: (domain: string, output: string) =>
    new HostError('VMStartFailed', `VM ${domain} did not start: ${output}`),
  noCheckpoints: (label: string, driver: string) =>
    new HostError(
      'NoCheckpoints',
      `hosts with driver ${driver} make no checkpoints, so none of ${label} is made: choose a host with driver qemu`,
      { kind: 'stalled' },
    ),
  checkpointUnusable: (domain: string, checkpoint: string, why: string) =>
    new HostError(
      'CheckpointUnusable',
      `VM ${domain} does not continue from checkpoint ${checkpoint}, because ${why}: it boots cold instead; ` +
        'save the checkpoint again if this stays',
    ),
  forkUnavailable: (why: string) =>
    new HostError(
      'ForkUnavailable',
      `this host cannot fork running VMs: ${why}; where the kernel is the reason, it has to let QEMU's user watch writes to memory: ` +
        'Linux 5.19 or newer, and sysctl vm.unprivileged_userfaultfd=1 where the daemon is not root',
    ),
  notCapturable: (label: string, noFork: HostError) =>
    new HostError(
      'NotCapturable',
      `the memory of ${label} cannot be saved while its VM runs on, because ${noFork.message}. Or set spec.capturable of the appliance to true, and ` +
        'restart its VM (powerState: Stopped, then Running): it can be saved then, and starts again for that',
      { cause: noFork, kind: 'stalled' },
    ),
  memoryNotWatched: (uuid: string, why: string) =>
    new HostError(
      'CheckpointFailed',
      `VM ${uuid} was not forked, because it continues from a checkpoint on a disk, and the kernel watches writes only to memory ` +
        `that is in no file, or in one of a tmpfs (${why}): fork one that continues from a checkpoint in a tmpfs, or that was booted`,
      { kind: 'stalled' },
    ),
  cannotSuspend: (label: string, driver: string) =>
    new HostError(
      'CannotSuspend',
      `hosts with driver ${driver} suspend no VMs, so the VM of ${label} runs on: set spec.powerState to Running, or to Stopped`,
      { kind: 'stalled' },
    ),
  suspendFailed: (uuid: string, why: string) =>
    new HostError(
      'SuspendFailed',
      `the memory of VM ${uuid} was not saved, so it is not suspended: ${why}; it is tried again`,
    ),
  resumeFailed: (domain: string, why: string) =>
    new HostError(
      'ResumeFailed',
      `VM ${domain} did not go on from the memory that was saved when it was suspended, and stays suspended: ${why}; it is tried again. ${GIVE_UP}`,
    ),
  resumeUnfit: (domain: string, difference: string) =>
    new HostError(
      'ResumeFailed',
      `VM ${domain} cannot go on from the memory that was saved when it was suspended, and stays suspended: ${difference}. ${GIVE_UP}`,
      { kind: 'stalled' },
    ),
  vmPaused: (domain: string, problem: Problem) =>
    new HostError(problem.reason, `VM ${domain}: ${problem.message}`),
  vmStopped: (domain: string, state: string, console: string, problem?: Problem) =>
    new HostError(
      problem?.reason ?? 'VMStopped',
      `VM ${domain} is ${state.toLowerCase()} but should be running${problem === undefined ? '' : ` (${problem.message})`}; ` +
        tail(console),
    ),
  /** @param byCloudInit whether the guest's first boot installs the agent */
  agentTimeout: (domain: string, seconds: number, console: string, byCloudInit: boolean) =>
    new HostError(
      'AgentTimeout',
      `the agent in VM ${domain} did not answer within ${seconds} s of its start, so the VM is started again; ` +
        (byCloudInit
          ? 'cloud-init installs it, and tells the console why it could not (coppice logs); '
          : '') +
        tail(console),
    ),
  agentSilent: (domain: string, seconds: number) =>
    new HostError(
      'AgentTimeout',
      `the agent in VM ${domain} did not answer within ${seconds} s, but its service does, so the VM is left as it is: ` +
        'check qemu-guest-agent in the guest, or restart the guest; until then nothing can be changed in it',
    ),
  consoleUnavailable: (problem: string) =>
    new HostError('ConsoleUnavailable', `the VM's console is unavailable: ${problem}`, {
      kind: 'refused',
      status: 409,
    }),
  vmConflict: (domain: string, uuid: string, other: string, where: string) =>
    new HostError(
      'VMConflict',
      `VM ${domain} is not started, because ${other} already runs a VM with the uuid ${uuid} ${where}: end that one, or ` +
        'find out who owns it',
    ),
  vmNotInOwnGroup: (root: string, cause: unknown) =>
    new HostError(
      'VMNotApart',
      `a VM was not started, because it would end together with the daemon's container: it cannot be moved to a control group ` +
        `of its own in ${root} (${messageOf(cause)}): give the daemon the host's /sys/fs/cgroup, writable, and the host's PID namespace`,
    ),
  vmNotEnding: (program: string, vm: string, pid: number) =>
    new HostError(
      'VMNotEnding',
      `${program} of VM ${vm} (pid ${pid}) did not end although it was killed: check the host's storage, which seems to hang; ` +
        'the daemon tries again by itself',
    ),
  hypervisorMissing: (program: string) => {
    const tool = program.includes('img');
    const debian = tool ? 'qemu-utils' : 'qemu-system-x86';
    const fedora = tool ? 'qemu-img' : 'qemu-system-x86-core';
    return new HostError(
      'HypervisorMissing',
      `${program} is not installed on this host: install QEMU (Debian, Ubuntu: apt-get install ${debian}; ` +
        `Fedora: dnf install ${fedora})`,
    );
  },
  /** @param variables the file of a VM that was made with another build of UEFI than the host has now */
  uefiMissing: (domain: string, directory: string, variables: string | undefined) =>
    new HostError(
      'UefiMissing',
      variables === undefined
        ? `VM ${domain} boots by UEFI, and this host has none in ${directory}: install it (Debian, Ubuntu: apt-get install ovmf); ` +
            'the daemon tries again by itself'
        : `VM ${domain} was made with another build of UEFI than this host has in ${directory}: install that one, or remove ` +
            `${variables}, from which the VM loses only what its boot loader stored there; the daemon tries again by itself`,
    ),
  hypervisorBroken: (program: string, problem: string) =>
    new HostError('HypervisorBroken', `${program} cannot run a guest on this host: ${problem}; reinstall it`),
  acceleratorUnavailable: (problem: string) =>
    new HostError(
      'AcceleratorUnavailable',
      `${problem}; fix it, or let the driver choose (accelerator auto)`,
    ),
  hypervisorSilent: (subject: string, cause: unknown) =>
    new HostError(
      'HypervisorSilent',
      `${subject} does not answer on its monitor: ${messageOf(cause)}; the daemon asks again by itself`,
    ),
  hypervisorError: () =>
    new HostError(
      'HypervisorError',
      'QEMU had an internal error and cannot continue: the VM is started again',
    ),
  guestPanicked: () => new HostError('GuestPanicked', 'the guest kernel panicked: the VM is started again'),
  vmDiskFull: () =>
    new HostError(
      'DiskFull',
      'the VM is paused because the host has no space left for its disk: free some space, and it continues where it was',
    ),
  vmDiskError: () =>
    new HostError(
      'DiskError',
      'the VM is paused because the host could not read or write its disk: repair the host’s storage, and it continues ' +
        'where it was',
    ),
};

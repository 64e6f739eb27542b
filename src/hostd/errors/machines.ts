import type { Problem } from '../../host/protocol.ts';
import { HostError, messageOf } from './host-error.ts';

const tail = (console: string) =>
  console.trim() === '' ? 'its console is empty' : `the last lines of its console:\n${console.trim()}`;

/** The hypervisor, its VMs, and the ports by which they are reached. */
export const machineErrors = {
  portInUse: (port: number, holder: string) =>
    new HostError(
      'PortInUse',
      `port ${port} of this host is taken by ${holder}: free it, or ask for another; it is tried again by itself`,
    ),
  noFreePort: (first: number, last: number) =>
    new HostError('NoFreePort', `no port between ${first} and ${last} is free on this host: widen the range`),

  vmStartFailed: (domain: string, words: string) =>
    new HostError('VMStartFailed', `VM ${domain} did not start: ${words}`),
  vmPaused: (domain: string, problem: Problem) =>
    new HostError(problem.reason, `VM ${domain}: ${problem.message}`),
  vmStopped: (domain: string, state: string, console: string, problem?: Problem) =>
    new HostError(
      problem?.reason ?? 'VMStopped',
      `VM ${domain} is ${state.toLowerCase()} though it should run${problem === undefined ? '' : ` (${problem.message})`}; ` +
        tail(console),
    ),
  agentTimeout: (domain: string, seconds: number, console: string) =>
    new HostError(
      'AgentTimeout',
      `the agent in VM ${domain} did not answer within ${seconds} s of its start, so the VM is started anew; ` +
        tail(console),
    ),
  agentSilent: (domain: string, seconds: number) =>
    new HostError(
      'AgentTimeout',
      `the agent in VM ${domain} did not answer within ${seconds} s, but its service does, so the VM is left as it is: ` +
        'look after qemu-guest-agent in the guest, or restart the guest; until then nothing can be changed in it',
    ),
  consoleUnavailable: (words: string) =>
    new HostError('ConsoleUnavailable', `the VM's console cannot be had: ${words}`, {
      kind: 'refused',
      status: 409,
    }),
  vmConflict: (domain: string, uuid: string, other: string, where: string) =>
    new HostError(
      'VMConflict',
      `VM ${domain} is not started, because ${other} already runs a VM with the uuid ${uuid} ${where}: end that one, or ` +
        'find out whose it is',
    ),
  vmNotApart: (root: string, cause: unknown) =>
    new HostError(
      'VMNotApart',
      `a VM that would end with the daemon's container was not started: it cannot be moved to a control group of its own ` +
        `in ${root} (${messageOf(cause)}): give the daemon the host's /sys/fs/cgroup, writable, and its process numbers`,
    ),
  vmNotEnding: (program: string, vm: string, pid: number) =>
    new HostError(
      'VMNotEnding',
      `${program} of VM ${vm} (pid ${pid}) does not end although it was killed: the host's storage seems to hang; ` +
        'it is tried again by itself',
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
  hypervisorBroken: (program: string, words: string) =>
    new HostError('HypervisorBroken', `${program} runs no guest on this host: ${words}; install it anew`),
  acceleratorUnavailable: (words: string) =>
    new HostError('AcceleratorUnavailable', `${words}; mend it, or let the driver choose (accelerator auto)`),
  hypervisorSilent: (who: string, cause: unknown) =>
    new HostError(
      'HypervisorSilent',
      `${who} does not answer on its monitor: ${messageOf(cause)}; it is asked again by itself`,
    ),
  hypervisorError: () =>
    new HostError('HypervisorError', 'QEMU met an error that it cannot go on from: the VM is started anew'),
  guestPanicked: () => new HostError('GuestPanicked', 'the guest kernel panicked: the VM is started anew'),
  vmDiskFull: () =>
    new HostError(
      'DiskFull',
      'the VM is paused because the host has no space left for its disk: free some; it goes on where it was',
    ),
  vmDiskError: () =>
    new HostError(
      'DiskError',
      'the VM is paused because the host could not read or write its disk: mend the host’s storage; it goes on where ' +
        'it was',
    ),
};

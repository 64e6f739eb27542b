import type { Endings } from '../../domain/services/endings.ts';
import { HostError } from './host-error.ts';
import { lastWords } from './quote.ts';

/** Errors of what is in the VM: its agent, container and service. */
export const guestErrors = {
  agentUnavailable: (problem: string) =>
    new HostError('AgentUnavailable', `the guest agent does not answer: ${problem}`, { status: 503 }),
  wrongGuest: (domain: string, uuid: string, other: string) =>
    new HostError(
      'WrongGuest',
      `what answers as the agent of VM ${domain} is another machine's: its uuid is ${other}, and not ${uuid}; nothing is installed, ` +
        `configured or networked there: find the VM with uuid ${other} and what connects its agent to this one's channel (a socket ` +
        'that was moved, a changed hypervisor option), and undo that; the daemon asks again by itself',
    ),
  cloneIdentityFailed: (uuid: string, part: string, why: string) =>
    new HostError(
      'CloneIdentityFailed',
      `VM ${uuid} continues from the memory of another machine, and its part '${part}' is not its own: ${lastWords(why) || 'the guest gave no reason'}; ` +
        'it is not connected to a network: repair that in the template (docs/fast-starts.md says what a guest needs), or start from its disk ' +
        'alone; the daemon tries again by itself',
    ),
  guestDiskFull: (path: string) =>
    new HostError(
      'GuestDiskFull',
      `${path} does not fit on the guest's disk: use a larger disk, or a smaller package`,
    ),
  cloudInitMissing: (domain: string) =>
    new HostError(
      'CloudInitMissing',
      `cloud-init is missing or disabled in the guest of VM ${domain}, so it does nothing of what its volume says: make a template ` +
        'of an image in which it runs, or one with guest.init none',
    ),
  cloudInitRuns: (domain: string, seconds: number) =>
    new HostError(
      'CloudInitTimeout',
      `cloud-init in the guest of VM ${domain} was not done within ${seconds} s after its agent answered; the VM is left as it is, and ` +
        'the daemon waits on: look at what user data does (coppice logs, /var/log/cloud-init-output.log in the guest)',
    ),
  containerTimeout: (type: string, problem: string) =>
    new HostError('ContainerNotReady', `the ${type} container in the guest is not ready: ${problem}`),
  serviceTimeout: (name: string, seconds: number, problem: string) =>
    new HostError(
      'ServiceTimeout',
      `service ${name} did not answer within ${seconds} s of its installation: ${problem}; it is installed again`,
    ),
  noServiceLog: (name: string, type: string) =>
    new HostError(
      'NoServiceLog',
      `service ${name} has no log of its own: a container of type ${type} starts its server itself, and logs where its template says; ` +
        'see its console (`coppice logs` without --service)',
      { kind: 'refused', status: 409 },
    ),
  serviceEnded: (name: string, { count, exitCode, output }: Endings) =>
    new HostError(
      'ServiceEnded',
      `the command of service ${name} has ended ${count === 1 ? 'once' : `${count} times`}, the last time with exit code ${exitCode}, and is started again each ` +
        `time: ${lastWords(output) || 'it had no output'}`,
    ),
  guestCommandFailed: (title: string, exitCode: number, output: string) =>
    new HostError(
      'GuestCommandFailed',
      `in the guest, '${title}' ended with exit code ${exitCode}: ${lastWords(output) || 'it had no output'}`,
    ),
  serviceRequestInvalid: (reason: string, message: string) =>
    new HostError(reason, message, { kind: 'stalled' }),
  portNotForwarded: (port: number) =>
    new HostError(
      'PortNotForwarded',
      `the service is probed at port ${port} of its guest, which the appliance does not forward: add it to its ports`,
      { kind: 'stalled' },
    ),
  guestNoSpace: (directory: string, neededMebibytes: string, freeMebibytes: string) =>
    new HostError(
      'GuestDiskFull',
      `the package needs ${neededMebibytes} MiB at ${directory} and the guest's disk has ${freeMebibytes} MiB free: ` +
        'use a larger disk, or a smaller package',
    ),
  guestDiskFilled: (output: string) =>
    new HostError(
      'GuestDiskFull',
      `the guest's disk is full: ${lastWords(output)}; use a larger disk, or a smaller package`,
    ),
  guestCommandTimeout: (program: string | undefined, seconds: number, output: string) =>
    new HostError(
      'GuestCommandTimeout',
      `${program} in the guest did not end within ${seconds} s and was killed` +
        (lastWords(output) === '' ? '' : `; its last output: ${lastWords(output)}`),
    ),
  noTerminal: () =>
    new HostError(
      'NoTerminal',
      "the guest cannot give the program a terminal, because it lacks util-linux' `script`: use `coppice console`, install it " +
        '(package bsdutils or util-linux-script), or run the program without a terminal',
      { kind: 'refused', status: 409 },
    ),
  execFolderGone: (directory: string) =>
    new HostError(
      'GuestCommandFailed',
      `the folder ${directory} of a program's streams was removed in the guest, so the program was ended: run it again`,
    ),
  tooManyExecs: (uuid: string, most: number) =>
    new HostError(
      'TooManyPrograms',
      `appliance ${uuid} already runs ${most} programs by exec, as many as share its agent: wait until one has ended, or end one`,
      { kind: 'refused', status: 429 },
    ),
  execTimeout: (seconds: number) =>
    new HostError(
      'Timeout',
      `the program did not end within ${seconds} s and was killed, with all that it started`,
      {
        kind: 'refused',
        status: 504,
      },
    ),
  guestAgentRefused: (message: string, cause?: unknown) =>
    new HostError('GuestAgentRefused', message, { cause }),
};

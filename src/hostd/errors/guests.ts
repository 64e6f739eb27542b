import { HostError } from './host-error.ts';

/** What is in the VM: its agent, container and service. */
export const guestErrors = {
  agentUnavailable: (words: string) =>
    new HostError('AgentUnavailable', `the guest agent does not answer: ${words}`),
  guestDiskFull: (path: string) =>
    new HostError(
      'GuestDiskFull',
      `${path} does not fit on the guest's disk: ask for a larger disk, or a smaller package`,
    ),
  containerTimeout: (type: string, words: string) =>
    new HostError('ContainerNotReady', `the ${type} container in the guest is not ready: ${words}`),
  serviceTimeout: (name: string, seconds: number, words: string) =>
    new HostError(
      'ServiceTimeout',
      `service ${name} did not answer within ${seconds} s of its installation: ${words}; it is installed again`,
    ),
  guestCommandFailed: (title: string, exitCode: number, words: string) =>
    new HostError(
      'GuestCommandFailed',
      `in the guest, '${title}' ended with exit code ${exitCode}: ${words.trim() === '' ? 'it said nothing' : words.trim()}`,
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
        'ask for a larger disk, or a smaller package',
    ),
  guestDiskFilled: (words: string) =>
    new HostError(
      'GuestDiskFull',
      `the guest's disk is full: ${words}; ask for a larger disk, or a smaller package`,
    ),
  guestCommandTimeout: (program: string | undefined, seconds: number) =>
    new HostError(
      'GuestCommandTimeout',
      `${program} in the guest did not end within ${seconds} s and was killed`,
    ),
  guestAgentRefused: (words: string, cause?: unknown) => new HostError('GuestAgentRefused', words, { cause }),
};

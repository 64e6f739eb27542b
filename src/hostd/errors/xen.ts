import { HostError } from './host-error.ts';

const again = 'it is tried again by itself';

/** Xen, its tools, and its domains. */
export const xenErrors = {
  xenToolMissing: (program: string) =>
    new HostError(
      'HypervisorMissing',
      `${program} is not installed on this host: install Xen and its tools (Debian: apt-get install xen-system-amd64), ` +
        'boot the machine into Xen, and see docs/xen.md',
    ),
  xenNotRunning: (words: string) =>
    new HostError(
      'HypervisorNotRunning',
      `this machine does not run under Xen, or is not its dom0: boot it by the Xen entry of its boot loader; xl says: ${words}`,
    ),
  xenNotPrivileged: (words: string) =>
    new HostError(
      'HypervisorNotAllowed',
      `the daemon may not speak to Xen: run it as root in dom0; xl says: ${words}`,
    ),
  xenstoreSilent: (words: string) =>
    new HostError(
      'XenstoreSilent',
      `xenstored does not answer: start it (service xen start), or, when it died, boot the host anew; xl says: ${words}`,
    ),
  xlFailed: (command: string, words: string) =>
    new HostError('ToolstackFailed', `${command} failed: ${words}`),
  xlSilent: (command: string, seconds: number) =>
    new HostError('ToolstackSilent', `${command} did not end within ${seconds} s and was killed; ${again}`),
  creationTimedOut: (domain: string, attempts: number, words: string) =>
    new HostError(
      'CreationTimedOut',
      `VM ${domain} was not created in ${attempts} tries, because Xen's tools ran out of their own time (the host is ` +
        `overloaded, or a backend hangs); nothing of it was left, and ${again}: ${words}`,
    ),
  domainNameTaken: (domain: string, other: { readonly id: number; readonly uuid: string }) =>
    new HostError(
      'DomainNameTaken',
      `VM ${domain} is not started, because domain ${other.id} of this host, with uuid ${other.uuid}, has its name and is ` +
        `not Coppice's: rename or end that one; ${again}`,
    ),
  notEnoughMemory: (domain: string, words: string) =>
    new HostError(
      'NotEnoughMemory',
      `Xen has not enough free memory for VM ${domain}: end other domains, or ask for less; dom0 is not made smaller for ` +
        `it; ${again}: ${words}`,
    ),
  domainTypeUnsupported: (domain: string, type: string, capabilities: readonly string[]) =>
    new HostError(
      'DomainTypeUnsupported',
      `VM ${domain} is of type ${type}, for which this host's processor or firmware lacks hardware virtualisation (Xen ` +
        `offers ${capabilities.join(', ')}): use a template that boots as PV, or another host`,
      { kind: 'stalled' },
    ),
  bootLoaderMissing: (program: string) =>
    new HostError(
      'BootLoaderMissing',
      `${program}, by which the guest would boot, is not on this host: install it (Debian: apt-get install grub-xen-host)`,
    ),
  networkUnsupported: (mode: string, driver: string) =>
    new HostError(
      'NetworkUnsupported',
      `this host (driver ${driver}) has no network of mode ${mode}: ask for one that it has, or place the appliance elsewhere`,
      { kind: 'stalled' },
    ),
  domainNotEnding: (name: string, id: number, words: string) =>
    new HostError(
      'VMNotEnding',
      `domain ${name} (${id}) does not end although it was destroyed: some program holds its memory, or a backend hangs; ` +
        `${again}: ${words}`,
    ),
  checkpointFailed: (uuid: string, words: string) =>
    new HostError('CheckpointFailed', `the memory of VM ${uuid} was not saved: ${words}`),
  guestRebooted: () => new HostError('GuestRebooted', 'the guest rebooted: the VM is started anew'),
  consoleNotLogged: () =>
    new HostError(
      'ConsoleNotLogged',
      'xenconsoled keeps no log, so what VMs write to their consoles is lost: start it with --log=guest ' +
        '(Debian: XENCONSOLED_ARGS=--log=guest in /etc/default/xen)',
    ),
  domainZeroBalloons: () =>
    new HostError(
      'DomainZeroBalloons',
      'dom0 has no memory of its own set, so Xen takes memory from it for VMs: set dom0_mem=…,max:… on the command line of Xen',
    ),
};

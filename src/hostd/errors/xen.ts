import { HostError } from './host-error.ts';

const again = 'the daemon tries again by itself';

/** Errors of Xen, its tools, and its domains. */
export const xenErrors = {
  xenToolMissing: (program: string) =>
    new HostError(
      'HypervisorMissing',
      `${program} is not installed on this host: install Xen and its tools (Debian: apt-get install xen-system-amd64), ` +
        'boot the machine into Xen, and see docs/xen.md',
    ),
  xenNotRunning: (output: string) =>
    new HostError(
      'HypervisorNotRunning',
      `this machine does not run under Xen, or is not its dom0: boot the Xen entry of its boot loader; xl says: ${output}`,
    ),
  xenNotPrivileged: (output: string) =>
    new HostError(
      'HypervisorNotAllowed',
      `the daemon may not use Xen: run it as root in dom0; xl says: ${output}`,
    ),
  xenstoreSilent: (output: string) =>
    new HostError(
      'XenstoreSilent',
      `xenstored does not answer: start it (service xen start), or, if it died, reboot the host; xl says: ${output}`,
    ),
  xlFailed: (command: string, output: string) =>
    new HostError('ToolstackFailed', `${command} failed: ${output}`),
  xlSilent: (command: string, seconds: number) =>
    new HostError('ToolstackSilent', `${command} did not end within ${seconds} s and was killed; ${again}`),
  creationTimedOut: (domain: string, attempts: number, output: string) =>
    new HostError(
      'CreationTimedOut',
      `VM ${domain} was not created in ${attempts} tries, because Xen's tools timed out (the host is overloaded, or a ` +
        `back end hangs); the half-made domain was removed, and ${again}: ${output}`,
    ),
  domainNameTaken: (domain: string, other: { readonly id: number; readonly uuid: string }) =>
    new HostError(
      'DomainNameTaken',
      `VM ${domain} is not started, because domain ${other.id} of this host, with uuid ${other.uuid}, has its name and does not ` +
        `belong to Coppice: rename or end that one; ${again}`,
    ),
  notEnoughMemory: (domain: string, output: string) =>
    new HostError(
      'NotEnoughMemory',
      `Xen does not have enough free memory for VM ${domain}: end other domains, or request less memory (dom0's memory is ` +
        `not reduced for a VM); ${again}: ${output}`,
    ),
  domainTypeUnsupported: (domain: string, type: string, capabilities: readonly string[]) =>
    new HostError(
      'DomainTypeUnsupported',
      `VM ${domain} has type ${type}, which needs hardware virtualisation that this host's processor or firmware lacks (Xen ` +
        `offers ${capabilities.join(', ')}): use a template that boots as PV, or another host`,
      { kind: 'stalled' },
    ),
  noCdDriveUnderXen: (domain: string, type: string) =>
    new HostError(
      'CdDriveUnsupported',
      `VM ${domain} has a CD, and type ${type}, whose guests have no CD drive under Xen: place it on a host with QEMU, or use a ` +
        'template of type HVM',
      { kind: 'stalled' },
    ),
  noUefiUnderXen: (domain: string) =>
    new HostError(
      'UefiUnsupported',
      `VM ${domain} boots by UEFI, and VMs on Xen hosts have a BIOS: place it on a host with QEMU, or use a template that ` +
        'a BIOS boots, or that gives a kernel (guest.boot)',
      { kind: 'stalled' },
    ),
  bootLoaderMissing: (program: string) =>
    new HostError(
      'BootLoaderMissing',
      `${program}, with which the guest boots, is not on this host: install it (Debian: apt-get install grub-xen-host)`,
    ),
  networkUnsupported: (mode: string, driver: string) =>
    new HostError(
      'NetworkUnsupported',
      `this host (driver ${driver}) has no network of mode ${mode}: choose another mode, or place the appliance on another host`,
      { kind: 'stalled' },
    ),
  domainNotEnding: (name: string, id: number, problem: string) =>
    new HostError(
      'VMNotEnding',
      `domain ${name} (${id}) did not end although it was destroyed: a program still maps its memory, or a back end hangs; ` +
        `${again}: ${problem}`,
    ),
  checkpointFailed: (uuid: string, problem: string) =>
    new HostError('CheckpointFailed', `the memory of VM ${uuid} was not saved: ${problem}`),
  guestRebooted: () => new HostError('GuestRebooted', 'the guest rebooted: the VM is started again'),
  consoleNotLogged: () =>
    new HostError(
      'ConsoleNotLogged',
      'xenconsoled keeps no log, so the output of VMs’ consoles is lost: start it with --log=guest ' +
        '(Debian: XENCONSOLED_ARGS=--log=guest in /etc/default/xen)',
    ),
  domainZeroBalloons: () =>
    new HostError(
      'DomainZeroBalloons',
      'dom0 has no fixed amount of memory, so Xen takes memory from it for VMs: set dom0_mem=…,max:… on the command line of Xen',
    ),
};

import { HostError } from './host-error.ts';
import { lastWords } from './quote.ts';

/** Errors of bridges, the VMs' interfaces on them, and addresses in guests. */
export const networkErrors = {
  noBridge: (label: string) =>
    new HostError(
      'BridgeNotConfigured',
      `${label} needs an address of its own, and this host's daemon has no bridge: start the daemon with --bridge NAME`,
    ),
  networkToolMissing: () =>
    new HostError(
      'NetworkToolMissing',
      'ip is not installed on this host: install iproute2 (Debian, Ubuntu: apt-get install iproute2; Fedora: dnf ' +
        'install iproute)',
    ),
  networkToolFailed: (argv: readonly string[], output: string) =>
    new HostError(
      'NetworkToolFailed',
      `'ip ${argv.join(' ')}' failed: ${output}; the daemon tries again by itself`,
    ),
  mayNotConfigure: (bridge: string) =>
    new HostError(
      'BridgeNotPermitted',
      `the daemon may not configure network interfaces, so no VM can be connected to bridge ${bridge}: run it as root, or ` +
        'give it the capability CAP_NET_ADMIN',
    ),
  tunUnusable: (device: string, problem: string) =>
    new HostError(
      'TunUnusable',
      `${device} cannot be used, so no VM can be connected to a bridge (${problem}): load the kernel module tun (modprobe ` +
        'tun); in a container, also give it the device',
    ),
  bridgeMissing: (name: string) =>
    new HostError(
      'BridgeMissing',
      `this host has no network interface ${name}: create the bridge (ip link add ${name} type bridge, or as ` +
        'docs/hosts.md shows), or start the daemon with the name of another bridge',
    ),
  notABridge: (name: string, kind: string) =>
    new HostError(
      'NotABridge',
      `${name} on this host is not a bridge but ${kind}: start the daemon with the name of a bridge`,
    ),
  bridgeDown: (name: string) =>
    new HostError('BridgeDown', `bridge ${name} of this host is down: bring it up (ip link set ${name} up)`),
  notOnBridge: (name: string, bridge: string) =>
    new HostError(
      'NotOnBridge',
      `the VM's interface ${name} is no longer a port of bridge ${bridge}, or is down: the daemon connects it again by itself`,
    ),
  interfaceLost: (name: string) =>
    new HostError(
      'InterfaceLost',
      `the interface ${name} of the running VM was removed, and only a restart of the VM brings it back: set the ` +
        "appliance's powerState to Stopped, and then to Running",
    ),
  interfaceTaken: (name: string, holder: string) =>
    new HostError(
      'InterfaceTaken',
      `the VM needs an interface named ${name}, and this host has another of that name (${holder}): find out who owns that ` +
        'one, and remove it',
    ),
  networkNotConfigured: (address: string, problem: string) =>
    new HostError('NetworkNotConfigured', `the guest does not have its address ${address}: ${problem}`),
  addressInUse: (address: string, evidence: string) =>
    new HostError(
      'AddressInUse',
      `another machine on the bridge's network already uses ${address} (${lastWords(evidence)}): take the address from ` +
        'that machine, or exclude it from the pool; the daemon tries again by itself',
    ),
  noRouteToGuest: (address: string, prefixLength: number, bridge: string) =>
    new HostError(
      'NoRouteToGuest',
      `this host has no route to ${address}, so it cannot probe the service: give bridge ${bridge} an address in the ` +
        `network of ${address}/${prefixLength}, or the host a route to it; the daemon tries again by itself`,
    ),
};

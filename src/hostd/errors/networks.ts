import { HostError } from './host-error.ts';

/** Bridges, the VMs' interfaces on them, and addresses in guests. */
export const networkErrors = {
  noBridge: (label: string) =>
    new HostError(
      'BridgeNotConfigured',
      `${label} wants an address of its own and this host's daemon was given no bridge: start it with --bridge NAME`,
    ),
  networkToolMissing: () =>
    new HostError(
      'NetworkToolMissing',
      'ip is not installed on this host: install iproute2 (Debian, Ubuntu: apt-get install iproute2; Fedora: dnf ' +
        'install iproute)',
    ),
  networkToolFailed: (argv: readonly string[], words: string) =>
    new HostError(
      'NetworkToolFailed',
      `'ip ${argv.join(' ')}' failed: ${words}; it is tried again by itself`,
    ),
  mayNotConfigure: (bridge: string) =>
    new HostError(
      'BridgeNotPermitted',
      `the daemon may not configure network interfaces, so no VM is connected to bridge ${bridge}: run it as root, or ` +
        'give it the capability CAP_NET_ADMIN',
    ),
  tunUnusable: (device: string, words: string) =>
    new HostError(
      'TunUnusable',
      `${device} can not be used, so no VM is connected to a bridge (${words}): load the kernel's module tun (modprobe ` +
        'tun), and in a container let the device in',
    ),
  bridgeMissing: (name: string) =>
    new HostError(
      'BridgeMissing',
      `this host has no network interface ${name}: make the bridge (ip link add ${name} type bridge, or as ` +
        'docs/hosts.md shows), or start the daemon with the name of another',
    ),
  notABridge: (name: string, kind: string) =>
    new HostError(
      'NotABridge',
      `${name} of this host is no bridge but ${kind}: start the daemon with the name of a bridge`,
    ),
  bridgeDown: (name: string) =>
    new HostError('BridgeDown', `bridge ${name} of this host is down: set it up (ip link set ${name} up)`),
  notOnBridge: (name: string, bridge: string) =>
    new HostError(
      'NotOnBridge',
      `the VM's interface ${name} is no port of bridge ${bridge} any more, or is down: it is connected again by itself`,
    ),
  interfaceLost: (name: string) =>
    new HostError(
      'InterfaceLost',
      `somebody took the interface ${name} of the running VM away, which only a new start of the VM can mend: set the ` +
        "appliance's powerState to Stopped, and then to Running",
    ),
  interfaceTaken: (name: string, holder: string) =>
    new HostError(
      'InterfaceTaken',
      `the VM's interface is to be called ${name}, and this host has another of that name (${holder}): find out whose it ` +
        'is, and take it away',
    ),
  networkNotConfigured: (address: string, words: string) =>
    new HostError('NetworkNotConfigured', `the guest does not have its address ${address}: ${words}`),
  addressInUse: (address: string, words: string) =>
    new HostError(
      'AddressInUse',
      `${address} is already answered for by another machine on the bridge's network (${words}): take the address from ` +
        'that machine, or exclude it from the pool; it is tried again by itself',
    ),
  noRouteToGuest: (address: string, prefixLength: number, bridge: string) =>
    new HostError(
      'NoRouteToGuest',
      `this host has no route to ${address}, so it can not ask the service: give bridge ${bridge} an address in the ` +
        `network of ${address}/${prefixLength}, or the host a route to it; it is tried again by itself`,
    ),
};

import { HostError } from './host-error.ts';

/** Bridges, the VMs' interfaces on them, and addresses in guests. */
export const networkErrors = {
  noBridge: (label: string) =>
    new HostError(
      'BridgeNotConfigured',
      `${label} wants an address of its own and this host's daemon was given no bridge: start it with --bridge NAME`,
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

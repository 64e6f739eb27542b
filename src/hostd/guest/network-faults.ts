import { canonicalAddress } from '../network/request.ts';
import type { GuestInterface } from './guest.ts';
import type { BridgedNetwork, GuestNetwork } from './network.ts';

const LINK_LOCAL = /^fe[89ab]/i;

/** In which ways a guest's network is not as desired: what it lacks, and what it has from its template or from other machines. */
export function networkFaults(
  network: BridgedNetwork,
  mac: string,
  actual: GuestNetwork,
  interfaces: readonly GuestInterface[],
): { readonly missing: readonly string[]; readonly surplus: readonly string[] } {
  const own = addressesOf(interfaces, mac, actual.device);
  return { missing: missingIn(network, actual, own), surplus: surplusIn(network, actual, own) };
}

/** `address/prefix` of each address that is not link-local. */
function addressesOf(interfaces: readonly GuestInterface[], mac: string, device: string): readonly string[] {
  return interfaces
    .filter((each) => each.mac === mac && each.name === device)
    .flatMap(({ addresses }) => addresses)
    .filter(({ address }) => !LINK_LOCAL.test(address))
    .map(({ address, prefixLength }) => `${canonicalAddress(address)}/${prefixLength}`);
}

function missingIn(network: BridgedNetwork, actual: GuestNetwork, own: readonly string[]): readonly string[] {
  const { gateway } = network;
  const wanted = cidrOf(network);
  const has = gateway === undefined || gatewaysOf(actual).includes(canonicalAddress(gateway));
  return [
    ...(own.includes(wanted) ? [] : [`${actual.device} has ${listed(own)} and not ${wanted}`]),
    ...(actual.tentative.includes(canonicalAddress(network.address)) ? [`${wanted} is not usable yet`] : []),
    ...(has ? [] : [`its default route is ${listed(gatewaysOf(actual))} and not through ${gateway}`]),
  ];
}

/** The addresses and routes that the guest has in addition to the desired ones, from its template or from other machines. */
function surplusIn(network: BridgedNetwork, actual: GuestNetwork, own: readonly string[]): readonly string[] {
  const wanted = cidrOf(network);
  const others = own.filter((each) => each !== wanted);
  const dns = actual.dns.map(canonicalServer);
  const servers = network.dns.map(canonicalAddress);
  const gateway = network.gateway === undefined ? undefined : canonicalAddress(network.gateway);
  const otherGateways = gatewaysOf(actual).filter((each) => each !== gateway);
  return [
    ...(others.length === 0 ? [] : [`${actual.device} still has ${listed(others)}`]),
    ...(otherGateways.length === 0 ? [] : [`it has a default route through ${listed(otherGateways)}`]),
    ...(servers.length === 0 || servers.join() === dns.join() ? [] : [`its DNS servers are ${listed(dns)}`]),
  ];
}

function gatewaysOf({ defaultRoutes, device }: GuestNetwork): readonly string[] {
  return defaultRoutes.flatMap((route) =>
    route.device === device && route.via !== undefined ? [canonicalAddress(route.via)] : [],
  );
}

function cidrOf({ address, prefixLength }: BridgedNetwork): string {
  return `${canonicalAddress(address)}/${prefixLength}`;
}

/** A resolver's file may contain servers with a zone, or text that is not an address. */
function canonicalServer(text: string): string {
  try {
    return canonicalAddress(text);
  } catch {
    return text;
  }
}

function listed(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(' and ');
}

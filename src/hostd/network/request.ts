import ipaddr from 'ipaddr.js';
import type { DesiredNetwork } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Bridged = Extract<DesiredNetwork, { mode: 'bridge' }>;

const BITS = { ipv4: 32, ipv6: 128 } as const;
/** Address ranges from which neither an interface nor a gateway can have its address. */
const NOT_A_MACHINES = ['unspecified', 'broadcast', 'multicast', 'loopback', 'ipv4Mapped'];

/** Throws `InvalidRequest` unless address, prefix, gateway and DNS servers fit together in one guest. */
export function checkNetwork(network: DesiredNetwork): void {
  if (network.mode === 'user') return;
  const address = parseField('address', network.address);
  const bits = BITS[address.kind()];
  const { prefixLength } = network;
  if (prefixLength > bits)
    refuse('prefixLength', `${prefixLength} is more than the ${bits} bits of the address`);
  requireMachine('address', address, network);
  if (network.gateway !== undefined) checkGateway(network, address, network.gateway);
  for (const [index, server] of network.dns.entries()) parseField(`dns/${index}`, server);
}

function checkGateway(network: Bridged, address: Address, text: string): void {
  const gateway = parseField('gateway', text);
  if (gateway.kind() !== address.kind())
    refuse('gateway', `${text} belongs to another address family than the address`);
  if (gateway.toString() === address.toString()) refuse('gateway', `${text} is the appliance's own address`);
  // Routers on an IPv6 link usually have a link-local address.
  if (gateway.range() === 'linkLocal' && gateway.kind() === 'ipv6') return;
  requireMachine('gateway', gateway, network);
  if (!isWithin(gateway, address, network.prefixLength))
    refuse('gateway', `${text} is not in ${network.address}/${network.prefixLength}`);
}

function requireMachine(field: string, address: Address, { prefixLength }: Bridged): void {
  const range = address.range();
  if (NOT_A_MACHINES.includes(range)) refuse(field, `${address} is a ${range} address`);
  // Networks of one or two addresses have no network or broadcast address (RFC 3021).
  if (address.kind() === 'ipv6' || prefixLength > 30) return;
  const cidr = `${address}/${prefixLength}`;
  const ends = [ipaddr.IPv4.networkAddressFromCIDR(cidr), ipaddr.IPv4.broadcastAddressFromCIDR(cidr)];
  if (ends.some((end) => end.toString() === address.toString()))
    refuse(field, `${address} is the first or last of ${cidr}, which no machine can have`);
}

function isWithin(one: Address, other: Address, prefixLength: number): boolean {
  if (one instanceof ipaddr.IPv4 && other instanceof ipaddr.IPv4) return one.match(other, prefixLength);
  return one instanceof ipaddr.IPv6 && other instanceof ipaddr.IPv6 && one.match(other, prefixLength);
}

function parseField(field: string, text: string): Address {
  if (!ipaddr.isValid(text) || text.includes('%')) refuse(field, `${text} is not an IP address`);
  return ipaddr.parse(text);
}

function refuse(field: string, problem: string): never {
  throw hostErrors.invalidRequest(`/network/${field}: ${problem}`, `/network/${field}`);
}

/** The one spelling of an address: equal addresses have equal texts. */
export function canonicalAddress(text: string): string {
  const address = ipaddr.parse(text);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

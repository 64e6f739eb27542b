/** IP addresses and networks in CEL. */

import { isIP } from 'node:net';
import type { Environment } from '@marcbachmann/cel-js';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

class IpAddress {
  readonly address: Address;

  constructor(address: Address) {
    this.address = address;
  }

  equals(other: unknown): boolean {
    return other instanceof IpAddress && other.toString() === this.toString();
  }

  toString(): string {
    return this.address instanceof ipaddr.IPv6 ? this.address.toRFC5952String() : this.address.toString();
  }
}

class Network {
  readonly ip: IpAddress;
  readonly prefix: number;

  constructor(ip: IpAddress, prefix: number) {
    this.ip = ip;
    this.prefix = prefix;
  }

  contains({ address }: IpAddress): boolean {
    return address.kind() === this.ip.address.kind() && address.match(this.ip.address, this.prefix);
  }

  masked(): Network {
    const bytes = this.ip.address.toByteArray();
    const kept = bytes.map((byte, index) => {
      const bits = Math.min(8, Math.max(0, this.prefix - index * 8));
      return byte & (0xff << (8 - bits)) & 0xff;
    });
    return new Network(new IpAddress(ipaddr.fromByteArray(kept)), this.prefix);
  }

  equals(other: unknown): boolean {
    return other instanceof Network && other.toString() === this.toString();
  }

  toString(): string {
    return `${this.ip}/${this.prefix}`;
  }
}

/** Refuses zones and IPv4-mapped IPv6 addresses: they have more than one spelling. */
function tryIp(text: string): IpAddress | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  const address = ipaddr.parse(text);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) return undefined;
  return new IpAddress(address);
}

function ip(text: string): IpAddress {
  const parsed = tryIp(text);
  if (parsed !== undefined) return parsed;
  throw new Error(
    `IP Address "${text}" parse error during conversion from string: ParseAddr("${text}"): unable to parse IP`,
  );
}

function tryCidr(text: string): Network | undefined {
  const [address = '', prefix = '', ...rest] = text.split('/');
  const parsed = tryIp(address);
  if (parsed === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  const bits = parsed.address.kind() === 'ipv4' ? 32 : 128;
  return Number(prefix) <= bits ? new Network(parsed, Number(prefix)) : undefined;
}

function cidr(text: string): Network {
  const parsed = tryCidr(text);
  if (parsed !== undefined) return parsed;
  throw new Error(
    `network address parse error during conversion from string: netip.ParsePrefix("${text}"): no valid network`,
  );
}

function isGlobalUnicast({ address }: IpAddress): boolean {
  const text = address.toString();
  if (text === '0.0.0.0' || text === '255.255.255.255') return false;
  return !['unspecified', 'loopback', 'multicast', 'linkLocal'].includes(address.range());
}

function isLinkLocalMulticast({ address }: IpAddress): boolean {
  const [first, second, third] = address.toByteArray();
  if (address.kind() === 'ipv4') return first === 224 && second === 0 && third === 0;
  return first === 0xff && ((second ?? 0) & 0x0f) === 2;
}

/** The value of `ip` when it is not called: the namespace of `ip.isCanonical`. */
class IpNamespace {}

/** Registers `ip`, `isIP`, `cidr`, `isCIDR` and their methods. */
export function registerNetwork(environment: Environment): void {
  const range = (name: string) => (value: IpAddress) => value.address.range() === name;
  environment
    .registerType('net.IP', { ctor: IpAddress, fields: {} })
    .registerType('net.CIDR', { ctor: Network, fields: {} })
    .registerType('IpNamespace', { ctor: IpNamespace, fields: {} })
    .registerConstant('ip', 'IpNamespace', new IpNamespace())
    .registerOperator('net.IP == net.IP', (a: IpAddress, b: IpAddress) => a.equals(b))
    .registerOperator('net.CIDR == net.CIDR', (a: Network, b: Network) => a.equals(b))
    .registerFunction('ip(string): net.IP', ip)
    .registerFunction('isIP(string): bool', (text: string) => tryIp(text) !== undefined)
    .registerFunction(
      'IpNamespace.isCanonical(string): bool',
      (_: unknown, text: string) => ip(text).toString() === text,
    )
    .registerFunction('string(net.IP): string', String)
    .registerFunction('net.IP.family(): int', ({ address }: IpAddress) =>
      address.kind() === 'ipv4' ? 4n : 6n,
    )
    .registerFunction('net.IP.isUnspecified(): bool', range('unspecified'))
    .registerFunction('net.IP.isLoopback(): bool', range('loopback'))
    .registerFunction('net.IP.isLinkLocalUnicast(): bool', range('linkLocal'))
    .registerFunction('net.IP.isLinkLocalMulticast(): bool', isLinkLocalMulticast)
    .registerFunction('net.IP.isGlobalUnicast(): bool', isGlobalUnicast);
  registerCidr(environment);
}

function registerCidr(environment: Environment): void {
  const containsCidr = (outer: Network, inner: Network): boolean =>
    outer.prefix <= inner.prefix && outer.contains(inner.ip);
  environment
    .registerFunction('cidr(string): net.CIDR', cidr)
    .registerFunction('isCIDR(string): bool', (text: string) => tryCidr(text) !== undefined)
    .registerFunction('string(net.CIDR): string', String)
    .registerFunction('net.CIDR.containsIP(net.IP): bool', (net: Network, address: IpAddress) =>
      net.contains(address),
    )
    .registerFunction('net.CIDR.containsIP(string): bool', (net: Network, text: string) =>
      net.contains(ip(text)),
    )
    .registerFunction('net.CIDR.containsCIDR(net.CIDR): bool', containsCidr)
    .registerFunction('net.CIDR.containsCIDR(string): bool', (net: Network, text: string) =>
      containsCidr(net, cidr(text)),
    )
    .registerFunction('net.CIDR.ip(): net.IP', (net: Network) => net.ip)
    .registerFunction('net.CIDR.masked(): net.CIDR', (net: Network) => net.masked())
    .registerFunction('net.CIDR.prefixLength(): int', (net: Network) => BigInt(net.prefix));
}

import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Family = 'IPv4' | 'IPv6';

/** An IP address as a number: of 32 bits for IPv4, of 128 for IPv6. */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** How many bits an address of the family has. */
export function bitsOf(family: Family): 32 | 128 {
  return family === 'IPv4' ? 32 : 128;
}

/**
 * Reads an address as the rules of the API do: four decimal parts without leading zeros, or IPv6 without a zone. IPv4-mapped IPv6
 * addresses are refused, since one address must have one name. Undefined for anything else.
 */
export function parseAddress(text: string): Address | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  const parsed = ipaddr.parse(text);
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) return undefined;
  const hex = parsed.toByteArray().map((byte) => byte.toString(16).padStart(2, '0'));
  return { family: parsed.kind() === 'ipv4' ? 'IPv4' : 'IPv6', value: BigInt(`0x${hex.join('')}`) };
}

/** The one spelling of the address that the API accepts: RFC 5952 for IPv6. */
export function formatAddress({ family, value }: Address): string {
  if (family === 'IPv4') return decimalParts(value);
  return (ipaddr.fromByteArray(bytesOf(value)) as ipaddr.IPv6).toRFC5952String();
}

/**
 * The name of the address's IPLease: the address itself, or, for IPv6, its 32 digits in groups of four with dashes between. One
 * address has one name, so the API server refuses a second claim of it.
 */
export function leaseName({ family, value }: Address): string {
  if (family === 'IPv4') return decimalParts(value);
  const digits = value.toString(16).padStart(32, '0');
  return (digits.match(/.{4}/g) ?? []).join('-');
}

function decimalParts(value: bigint): string {
  const number = Number(value);
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

function bytesOf(value: bigint): number[] {
  return Array.from({ length: 16 }, (_, index) => Number((value >> BigInt(8 * (15 - index))) & 255n));
}

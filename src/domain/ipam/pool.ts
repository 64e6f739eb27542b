import { type Address, bitsOf, type Family, formatAddress, leaseName, parseAddress } from './address.ts';
import {
  addressesFrom,
  commonRanges,
  countAddresses,
  includesAddress,
  mergeRanges,
  type Range,
  withoutAddresses,
} from './ranges.ts';

/** A pool as a user declares it: the spec of an IPPool. */
export interface PoolDeclaration {
  readonly family: Family;
  readonly ranges: readonly { readonly start: string; readonly end: string }[];
  readonly exclusions?: readonly string[];
  readonly reservations?: readonly { readonly address: string; readonly appliance: string }[];
  readonly prefix: number;
  readonly gateway?: string;
}

interface SpecialBlock {
  readonly name: string;
  readonly block: Range;
}

/** What no VM can have (RFC 6890), by family; the rules in crds/ippools.yaml name the same. */
const SPECIAL: Readonly<Record<Family, readonly SpecialBlock[]>> = {
  IPv4: [
    { name: 'of 0.0.0.0/8', block: blockOf('0.0.0.0', 8) },
    { name: 'loopback', block: blockOf('127.0.0.0', 8) },
    { name: 'link-local', block: blockOf('169.254.0.0', 16) },
    { name: 'multicast', block: blockOf('224.0.0.0', 4) },
    { name: 'broadcast', block: blockOf('255.255.255.255', 32) },
  ],
  IPv6: [
    { name: 'the unspecified address', block: blockOf('::', 128) },
    { name: 'loopback', block: blockOf('::1', 128) },
    { name: 'link-local', block: blockOf('fe80::', 10) },
    { name: 'multicast', block: blockOf('ff00::', 8) },
  ],
};

function blockOf(first: string, prefix: number): Range {
  const address = parseAddress(first);
  if (address === undefined) throw new Error(`${first} is not an address`);
  const size = 1n << BigInt(bitsOf(address.family) - prefix);
  return { start: address.value, end: address.value + size - 1n };
}

/** A pool, ready for calculations. Appliances are known by their names, since a pool serves only its own namespace. */
export interface AddressPool {
  readonly family: Family;
  /** What can be assigned: the ranges without the withheld addresses. Merged, in ascending order. */
  readonly assignable: readonly Range[];
  /** All declared ranges, with the withheld addresses. Merged, in ascending order. */
  readonly declared: readonly Range[];
  /** Addresses that are never assigned, each with the reason, such as `is the pool's gateway`. */
  readonly withheld: ReadonlyMap<bigint, string>;
  /** Reserved address → the only appliance that may have it. */
  readonly reservedFor: ReadonlyMap<bigint, string>;
}

/** The declaration is invalid, although the API's rules admitted it. The message says what to change. */
export class PoolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PoolError';
  }
}

/**
 * Makes a pool from its declaration. The exclusions, the gateway, the network's own address and, for IPv4, its broadcast address
 * are never assigned; a network of two addresses has neither of the last two (RFC 3021, RFC 6164). The first address of an
 * IPv6 network belongs to its routers (RFC 4291, 2.6.1).
 * @throws PoolError
 */
export function addressPool(declaration: PoolDeclaration): AddressPool {
  const { family, exclusions = [], reservations = [], gateway } = declaration;
  requirePrefix(declaration);
  const numberOf = (text: string, what: string) => requireAddress(family, text, what);
  const declared = mergeRanges(
    declaration.ranges.map(({ start, end }) => {
      const range = {
        start: numberOf(start, 'the start of a range'),
        end: numberOf(end, 'the end of a range'),
      };
      if (range.start > range.end)
        throw new PoolError(`the range ${start} to ${end} ends before it starts: swap the two`);
      return range;
    }),
  );
  requireUsable(family, declared);
  const router = gateway === undefined ? [] : [numberOf(gateway, 'the gateway')];
  const withheld = new Map([
    ...endsOfNetwork(declaration, [...declared.flatMap(({ start, end }) => [start, end]), ...router]),
    ...exclusions.map((text) => [numberOf(text, 'an exclusion'), "is one of the pool's exclusions"] as const),
    ...router.map((value) => [value, "is the pool's gateway"] as const),
  ]);
  const reservedFor = new Map(
    reservations.map(({ address, appliance }) => [numberOf(address, 'a reservation'), appliance]),
  );
  const assignable = withoutAddresses(declared, withheld.keys());
  requireAssignable({ family, assignable, declared, withheld, reservedFor });
  return { family, assignable, declared, withheld, reservedFor };
}

/** A prefix that is none has no network to calculate with. */
function requirePrefix({ family, prefix }: PoolDeclaration): void {
  if (Number.isInteger(prefix) && prefix >= 0 && prefix <= bitsOf(family)) return;
  throw new PoolError(
    `the prefix is ${prefix}, and one of ${family} is from 0 to ${bitsOf(family)}: correct it`,
  );
}

/** Refuses ranges with addresses that mean something else than one machine of the network. */
function requireUsable(family: Family, declared: readonly Range[]): void {
  for (const { name, block } of SPECIAL[family]) {
    const [first] = commonRanges(declared, [block]);
    if (first === undefined) continue;
    throw new PoolError(
      `the ranges contain ${describeRange(family, first)}, which is ${name}, and no VM can have such an address: ` +
        'choose a range of your network',
    );
  }
}

/** Refuses reservations that cannot be kept: their appliances would silently get other addresses. */
function requireAssignable({ family, assignable, withheld, reservedFor }: AddressPool): void {
  for (const [value, appliance] of reservedFor) {
    if (includesAddress(assignable, value)) continue;
    const why = withheld.get(value) ?? 'is in none of the ranges';
    const what = `${formatAddress({ family, value })} is reserved for appliance ${appliance} and ${why}`;
    throw new PoolError(`${what}: change one of the two`);
  }
}

function requireAddress(family: Family, text: string, what: string): bigint {
  const address = parseAddress(text);
  if (address?.family === family) return address.value;
  throw new PoolError(`${what}, ${text}, is not an ${family} address: correct it`);
}

/**
 * The first and last addresses of the network, as far as VMs cannot have them, with the reasons.
 * @throws PoolError unless all `members` are in one network
 */
function endsOfNetwork({ family, prefix }: PoolDeclaration, members: readonly bigint[]): [bigint, string][] {
  const hostBits = BigInt(bitsOf(family) - prefix);
  const [network, ...others] = new Set(members.map((member) => member >> hostBits));
  if (network === undefined) return [];
  if (others.length > 0)
    throw new PoolError(
      `ranges and gateway are not of one network of prefix ${prefix}: correct them or the prefix`,
    );
  const first = network << hostBits;
  if (hostBits <= 1n) return [];
  if (family === 'IPv6') return [[first, "is the address of the network's routers"]];
  return [
    [first, 'is the address of the network itself'],
    [first + (1n << hostBits) - 1n, "is the network's broadcast address"],
  ];
}

/** How many addresses the pool can assign in all, including those that are reserved or assigned already. */
export function totalOf(pool: AddressPool): bigint {
  return countAddresses(pool.assignable);
}

/** Why an appliance may not have the address that it requests. */
export interface Unsuitable {
  readonly reason: 'AddressFamilyMismatch' | 'AddressNotInPool' | 'AddressWithheld' | 'AddressReserved';
  /** A sentence whose subject is the address: `is the pool's gateway`. */
  readonly message: string;
}

/** Why this appliance may not have this address; null when it may, if the address is free. */
export function unsuitability(
  pool: AddressPool,
  { family, value }: Address,
  appliance: string,
): Unsuitable | null {
  if (family !== pool.family)
    return {
      reason: 'AddressFamilyMismatch',
      message: `is an ${family} address, and the pool is for ${pool.family}`,
    };
  if (!includesAddress(pool.declared, value))
    return { reason: 'AddressNotInPool', message: "is in none of the pool's ranges" };
  const withheld = pool.withheld.get(value);
  if (withheld !== undefined) return { reason: 'AddressWithheld', message: withheld };
  const owner = pool.reservedFor.get(value);
  if (owner === undefined || owner === appliance) return null;
  return { reason: 'AddressReserved', message: `is reserved for appliance ${owner}` };
}

/** The addresses that are reserved for an appliance, in ascending order. */
export function reservationsOf(pool: AddressPool, appliance: string): Address[] {
  return [...pool.reservedFor]
    .filter(([, owner]) => owner === appliance)
    .map(([value]) => ({ family: pool.family, value }))
    .sort((a, b) => (a.value < b.value ? -1 : 1));
}

/**
 * The free addresses that an appliance without a reservation may have, in the order in which to try them. The order starts at
 * a point computed from `seed`, the appliance's uid, as dnsmasq computes it from a MAC address. So an appliance tries the same
 * address again, several appliances at a time try different ones, and a released address is rarely assigned again at once.
 * @param isAssigned whether the address with this lease name is assigned
 */
export function* freeAddresses(
  pool: AddressPool,
  seed: string,
  isAssigned: (leaseName: string) => boolean,
): Generator<Address> {
  const total = totalOf(pool);
  if (total === 0n) return;
  for (const value of addressesFrom(pool.assignable, hashOf(seed) % total)) {
    const address: Address = { family: pool.family, value };
    if (!pool.reservedFor.has(value) && !isAssigned(leaseName(address))) yield address;
  }
}

/** FNV-1a of 64 bits. */
function hashOf(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash;
}

/** A range as messages show it: `10.0.0.1 to 10.0.0.9`. */
export function describeRange(family: Family, { start, end }: Range): string {
  const [first, last] = [start, end].map((value) => formatAddress({ family, value }));
  return first === last ? `${first}` : `${first} to ${last}`;
}

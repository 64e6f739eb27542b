import { type Address, bitsOf, type Family, formatAddress, leaseName, parseAddress } from './address.ts';
import {
  addressesFrom,
  countAddresses,
  includesAddress,
  mergeRanges,
  type Range,
  withoutAddresses,
} from './ranges.ts';

/** A pool as it is written: the spec of an IPPool. */
export interface PoolDeclaration {
  readonly family: Family;
  readonly ranges: readonly { readonly start: string; readonly end: string }[];
  readonly exclusions?: readonly string[];
  readonly reservations?: readonly { readonly address: string; readonly appliance: string }[];
  readonly prefix: number;
  readonly gateway?: string;
}

/** A pool to reckon with. Appliances go by their names: a pool serves those of its own namespace only. */
export interface AddressPool {
  readonly family: Family;
  /** What can be given: the ranges less all that never is. In ascending order, none touching another. */
  readonly givable: readonly Range[];
  /** What is declared, before anything is taken out. */
  readonly declared: readonly Range[];
  /** Addresses that are never given, each with the reason in words. */
  readonly withheld: ReadonlyMap<bigint, string>;
  /** Address to the appliance that alone may have it. */
  readonly reservedFor: ReadonlyMap<bigint, string>;
}

/** Thrown for a declaration that no rule of the API stopped and that still makes no pool; the message says what to change. */
export class PoolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PoolError';
  }
}

/**
 * Makes a pool of its declaration. Never given are the exclusions, the gateway, the network's own address and, for IPv4, its
 * broadcast address; a network of two addresses has neither of the last (RFC 3021, RFC 6164). The first address of an IPv6
 * network belongs to its routers (RFC 4291, 2.6.1).
 * @throws PoolError
 */
export function addressPool(declaration: PoolDeclaration): AddressPool {
  const { family, exclusions = [], reservations = [], gateway } = declaration;
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
  const router = gateway === undefined ? [] : [numberOf(gateway, 'the gateway')];
  const withheld = new Map([
    ...endsOfNetwork(declaration, [...declared.flatMap(({ start, end }) => [start, end]), ...router]),
    ...exclusions.map((text) => [numberOf(text, 'an exclusion'), "is one of the pool's exclusions"] as const),
    ...router.map((value) => [value, "is the pool's gateway"] as const),
  ]);
  const reservedFor = new Map(
    reservations.map(({ address, appliance }) => [numberOf(address, 'a reservation'), appliance]),
  );
  const givable = withoutAddresses(declared, withheld.keys());
  requireGivable({ family, givable, declared, withheld, reservedFor });
  return { family, givable, declared, withheld, reservedFor };
}

/** A reservation that could never be kept would send its appliance elsewhere without a word. */
function requireGivable({ family, givable, withheld, reservedFor }: AddressPool): void {
  for (const [value, appliance] of reservedFor) {
    if (includesAddress(givable, value)) continue;
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

/** The addresses at the ends of the one network that all `members` must be of, as far as VMs cannot have them. */
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

/** How many addresses the pool can give in all, those that are reserved or given included. */
export function totalOf(pool: AddressPool): bigint {
  return countAddresses(pool.givable);
}

/** Why an appliance may not have the address that it asks for. */
export interface Unsuitable {
  readonly reason: 'AddressFamilyMismatch' | 'AddressNotInPool' | 'AddressWithheld' | 'AddressReserved';
  /** Goes on from the address: `10.0.0.1 is the pool's gateway`. */
  readonly words: string;
}

/** Whether the pool lets this appliance have this address, if nobody else has it; null when it does. */
export function unsuitability(
  pool: AddressPool,
  { family, value }: Address,
  appliance: string,
): Unsuitable | null {
  if (family !== pool.family)
    return { reason: 'AddressFamilyMismatch', words: `is of ${family}, the pool of ${pool.family}` };
  if (!includesAddress(pool.declared, value))
    return { reason: 'AddressNotInPool', words: "is in none of the pool's ranges" };
  const withheld = pool.withheld.get(value);
  if (withheld !== undefined) return { reason: 'AddressWithheld', words: withheld };
  const owner = pool.reservedFor.get(value);
  if (owner === undefined || owner === appliance) return null;
  return { reason: 'AddressReserved', words: `is reserved for appliance ${owner}` };
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
 * a point that follows from `seed`, the appliance's uid, as dnsmasq starts from a MAC address: who asks again asks for the same
 * one, those that ask at once ask for different ones, and an address that was given back is rarely given again at once.
 * @param isGiven by the name of the address's lease
 */
export function* freeAddresses(
  pool: AddressPool,
  seed: string,
  isGiven: (leaseName: string) => boolean,
): Generator<Address> {
  const total = totalOf(pool);
  if (total === 0n) return;
  for (const value of addressesFrom(pool.givable, hashOf(seed) % total)) {
    const address: Address = { family: pool.family, value };
    if (!pool.reservedFor.has(value) && !isGiven(leaseName(address))) yield address;
  }
}

/** FNV-1a of 64 bits. */
function hashOf(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash;
}

/** A range in words. */
export function describeRange(family: Family, { start, end }: Range): string {
  const [first, last] = [start, end].map((value) => formatAddress({ family, value }));
  return first === last ? `${first}` : `${first} to ${last}`;
}

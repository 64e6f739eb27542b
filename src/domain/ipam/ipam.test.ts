import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { type Address, formatAddress, leaseName, parseAddress } from './address.ts';
import {
  addressPool,
  freeAddresses,
  type PoolDeclaration,
  reservationsOf,
  totalOf,
  unsuitability,
} from './pool.ts';
import { commonRanges, includesAddress, mergeRanges } from './ranges.ts';

const lan: PoolDeclaration = {
  family: 'IPv4',
  ranges: [{ start: '10.0.8.0', end: '10.0.8.255' }],
  prefix: 24,
  gateway: '10.0.8.1',
};
const nobody = () => false;

/** Networks of 256 addresses, so that a set can hold all of one. */
const bases = { IPv4: { base: 0x0a00_0800n, prefix: 24 }, IPv6: { base: 0xfd00n << 112n, prefix: 120 } };
const host = fc.integer({ min: 0, max: 255 });
const small = fc
  .record({
    family: fc.constantFrom('IPv4' as const, 'IPv6' as const),
    ranges: fc.array(fc.tuple(host, host), { minLength: 1, maxLength: 6 }),
    exclusions: fc.uniqueArray(host, { maxLength: 12 }),
    reservations: fc.uniqueArray(fc.tuple(host, fc.constantFrom('web', 'db')), {
      selector: ([address]) => address,
      maxLength: 6,
    }),
    gateway: fc.option(host, { nil: undefined }),
  })
  .map(({ family, ranges, exclusions, reservations, gateway }) => {
    const { base, prefix } = bases[family];
    const text = (part: number) => formatAddress({ family, value: base + BigInt(part) });
    const model = modelOf(ranges, exclusions, gateway, family, text);
    const declaration: PoolDeclaration = {
      family,
      prefix,
      ranges: ranges.map(([a, b]) => ({ start: text(Math.min(a, b)), end: text(Math.max(a, b)) })),
      exclusions: exclusions.map(text),
      reservations: reservations
        .map(([part, appliance]) => ({ address: text(part), appliance }))
        .filter(({ address }) => model.has(address)),
      ...(gateway === undefined ? {} : { gateway: text(gateway) }),
    };
    return { declaration, model };
  });

/** What a pool can give, said as a set and without arithmetic. */
function modelOf(
  ranges: readonly (readonly [number, number])[],
  exclusions: readonly number[],
  gateway: number | undefined,
  family: Address['family'],
  text: (part: number) => string,
): Set<string> {
  const parts = new Set<number>();
  for (const [a, b] of ranges)
    for (let part = Math.min(a, b); part <= Math.max(a, b); part++) parts.add(part);
  const never = [...exclusions, ...(gateway === undefined ? [] : [gateway]), 0];
  for (const part of family === 'IPv4' ? [...never, 255] : never) parts.delete(part);
  return new Set([...parts].map(text));
}

function without(set: ReadonlySet<string>, taken: ReadonlySet<string>): Set<string> {
  return new Set([...set].filter((one) => !taken.has(one)));
}

describe('an address', () => {
  const any = fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value): Address => ({ family: 'IPv4', value })),
    fc
      .bigInt({ min: 0n, max: (1n << 128n) - 1n })
      .filter((value) => value >> 32n !== 0xffffn)
      .map((value): Address => ({ family: 'IPv6', value })),
  );

  it('is read back from its text, and has one name', () => {
    fc.assert(
      fc.property(any, any, (address, other) => {
        expect(parseAddress(formatAddress(address))).toEqual(address);
        const isSame = address.family === other.family && address.value === other.value;
        expect(leaseName(address) === leaseName(other)).toBe(isSame);
        expect(leaseName(address)).toMatch(/^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]{4}(-[0-9a-f]{4}){7})$/);
      }),
    );
  });

  it.each([
    ['10.0.8.4', '10.0.8.4', '10.0.8.4'],
    ['255.255.255.255', '255.255.255.255', '255.255.255.255'],
    ['FD00::0:1', 'fd00::1', 'fd00-0000-0000-0000-0000-0000-0000-0001'],
    ['::', '::', '0000-0000-0000-0000-0000-0000-0000-0000'],
    ['1:0:0:2::', '1:0:0:2::', '0001-0000-0000-0002-0000-0000-0000-0000'],
  ])('%s is %s, and its lease %s', (text, canonical, name) => {
    const address = parseAddress(text) as Address;
    expect([formatAddress(address), leaseName(address)]).toEqual([canonical, name]);
  });

  it.each(['', '10.1', '010.0.0.1', '10.0.0.256', '::ffff:10.0.0.1', 'fe80::1%eth0', '10.0.0.0/8', 'lan'])(
    'is not %j',
    (text) => expect(parseAddress(text)).toBeUndefined(),
  );
});

describe('ranges', () => {
  const ranges = fc
    .array(fc.tuple(host, host), { maxLength: 8 })
    .map((pairs) => pairs.map(([a, b]) => ({ start: BigInt(Math.min(a, b)), end: BigInt(Math.max(a, b)) })));
  const all = Array.from({ length: 256 }, (_, index) => BigInt(index));

  it('have in common what both have', () => {
    fc.assert(
      fc.property(ranges, ranges, (left, right) => {
        const [a, b] = [mergeRanges(left), mergeRanges(right)];
        const common = commonRanges(a, b);
        for (const value of all) {
          expect(includesAddress(a, value)).toBe(includesAddress(left, value));
          expect(includesAddress(common, value)).toBe(includesAddress(a, value) && includesAddress(b, value));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('a pool against the set of its addresses', () => {
  it('counts and assigns exactly them, each once, for every appliance', () => {
    fc.assert(
      fc.property(small, fc.string(), ({ declaration, model }, seed) => {
        const pool = addressPool(declaration);
        expect(totalOf(pool)).toBe(BigInt(model.size));
        const reserved = new Set(declaration.reservations?.map(({ address }) => address));
        const given = [...freeAddresses(pool, seed, nobody)].map(formatAddress);
        expect(new Set(given).size).toBe(given.length);
        expect(new Set(given)).toEqual(without(model, reserved));
      }),
    );
  });

  it('lets an appliance have what is in the set and not reserved for another', () => {
    fc.assert(
      fc.property(small, host, ({ declaration, model }, part) => {
        const pool = addressPool(declaration);
        const value = bases[declaration.family].base + BigInt(part);
        const text = formatAddress({ family: declaration.family, value });
        const owner = declaration.reservations?.find(({ address }) => address === text)?.appliance ?? 'web';
        const isFine = unsuitability(pool, { family: declaration.family, value }, 'web') === null;
        expect(isFine).toBe(model.has(text) && owner === 'web');
        const own = declaration.reservations?.filter(({ appliance }) => appliance === 'web') ?? [];
        expect(new Set(reservationsOf(pool, 'web').map(formatAddress))).toEqual(
          new Set(own.map(({ address }) => address).filter((address) => model.has(address))),
        );
      }),
    );
  });

  it('never assigns an address twice, and assigns released addresses again', () => {
    const story = fc.array(fc.tuple(fc.boolean(), fc.nat(400)), { maxLength: 400 });
    fc.assert(
      fc.property(small, story, ({ declaration, model }, turns) => {
        const pool = addressPool(declaration);
        const free = without(model, new Set(declaration.reservations?.map(({ address }) => address)));
        const given = new Map<string, string>();
        turns.forEach(([isClaim, which], turn) => {
          const holder = [...given.keys()][which % Math.max(1, given.size)];
          if (!isClaim && holder !== undefined) {
            free.add(given.get(holder) as string);
            given.delete(holder);
            return;
          }
          const next = freeAddresses(pool, `appliance-${turn}`, (name) => given.has(name)).next();
          expect(next.done === true).toBe(free.size === 0);
          if (next.done === true) return;
          expect(free.delete(formatAddress(next.value))).toBe(true);
          given.set(leaseName(next.value), formatAddress(next.value));
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe('a pool', () => {
  it.each([
    ['10.0.8.0', 'AddressWithheld', 'is the address of the network itself'],
    ['10.0.8.255', 'AddressWithheld', "is the network's broadcast address"],
    ['10.0.8.1', 'AddressWithheld', "is the pool's gateway"],
    ['10.0.8.9', 'AddressWithheld', "is one of the pool's exclusions"],
    ['10.0.8.10', 'AddressReserved', 'is reserved for appliance db'],
    ['10.0.9.1', 'AddressNotInPool', "is in none of the pool's ranges"],
    ['fd00::1', 'AddressFamilyMismatch', 'is an IPv6 address, and the pool is for IPv4'],
  ])('does not assign %s: %s', (text, reason, message) => {
    const reservations = [{ address: '10.0.8.10', appliance: 'db' }];
    const pool = addressPool({ ...lan, exclusions: ['10.0.8.9'], reservations });
    expect(unsuitability(pool, parseAddress(text) as Address, 'web')).toEqual({ reason, message });
  });

  it.each([
    [
      'two addresses of IPv4',
      { ...lan, prefix: 31, ranges: [{ start: '10.0.8.0', end: '10.0.8.1' }], gateway: undefined },
      2n,
    ],
    [
      'a /64',
      { family: 'IPv6', prefix: 64, ranges: [{ start: 'fd00::', end: 'fd00::ffff:ffff:ffff:ffff' }] },
      2n ** 64n - 1n,
    ],
  ] as const)('of %s can assign all usable addresses', (_, declaration, total) => {
    const pool = addressPool(declaration as PoolDeclaration);
    expect(totalOf(pool)).toBe(total);
    expect(freeAddresses(pool, 'web', nobody).next().done).toBe(false);
  });

  it.each([
    [
      'a range that ends before it starts',
      { ranges: [{ start: '10.0.8.9', end: '10.0.8.2' }] },
      'swap the two',
    ],
    ['another family', { ranges: [{ start: 'fd00::1', end: 'fd00::2' }] }, 'fd00::1, is not an IPv4 address'],
    [
      'a reservation outside',
      { reservations: [{ address: '10.0.9.1', appliance: 'db' }] },
      'is in none of the ranges',
    ],
    [
      'a reservation of the gateway',
      { reservations: [{ address: '10.0.8.1', appliance: 'db' }] },
      "is the pool's gateway",
    ],
    ['a gateway elsewhere', { gateway: '10.0.9.1' }, 'not of one network of prefix 24'],
  ])('refuses %s', (_, change, message) => {
    expect(() => addressPool({ ...lan, ...change })).toThrow(message);
  });

  it('assigns 10,000 different addresses of a /16', () => {
    const pool = addressPool({
      family: 'IPv4',
      prefix: 16,
      ranges: [{ start: '10.1.0.0', end: '10.1.255.255' }],
    });
    const given = new Set<string>();
    for (let count = 0; count < 10_000; count++) {
      const { value } = freeAddresses(pool, `3f1b4c9e-${count}`, (name) => given.has(name)).next();
      given.add(leaseName(value as Address));
    }
    expect(given.size).toBe(10_000);
  });
});

describe('a pool with what no VM can have', () => {
  it.each([
    ['of 0.0.0.0/8', 'IPv4', 8, '0.1.0.1', '0.1.0.9'],
    ['loopback', 'IPv4', 1, '126.0.0.1', '127.0.0.0'],
    ['loopback', 'IPv4', 8, '127.0.0.10', '127.0.0.20'],
    ['link-local', 'IPv4', 1, '169.0.0.1', '170.0.0.1'],
    ['multicast', 'IPv4', 1, '223.0.0.1', '240.0.0.1'],
    ['broadcast', 'IPv4', 24, '255.255.255.9', '255.255.255.255'],
    ['the unspecified address', 'IPv6', 64, '::', '::9'],
    ['loopback', 'IPv6', 64, '::1', '::9'],
    ['link-local', 'IPv6', 1, 'fe00::1', 'ff00::'],
    ['multicast', 'IPv6', 64, 'ff02::1', 'ff02::9'],
  ] as const)(
    'says that a range contains what is %s: %s/%i, %s to %s',
    (name, family, prefix, start, end) => {
      const declaration: PoolDeclaration = { family, prefix, ranges: [{ start, end }] };
      expect(() => addressPool(declaration)).toThrow(`which is ${name}, and no VM can have`);
    },
  );

  it.each([
    ['IPv4', 8, '1.0.0.0', '1.0.0.9'],
    ['IPv4', 1, '1.0.0.0', '126.255.255.255'],
    ['IPv4', 8, '128.0.0.1', '128.0.0.9'],
    ['IPv4', 16, '169.253.0.1', '169.253.255.254'],
    ['IPv4', 16, '169.255.0.1', '169.255.0.9'],
    ['IPv4', 24, '240.0.0.1', '240.0.0.9'],
    ['IPv4', 24, '255.255.255.1', '255.255.255.254'],
    ['IPv6', 64, 'fd00::', 'fd00::9'],
    ['IPv6', 64, '::2', '::9'],
  ] as const)('takes what is beside it: %s/%i, %s to %s', (family, prefix, start, end) => {
    expect(totalOf(addressPool({ family, prefix, ranges: [{ start, end }] }))).toBeGreaterThan(0n);
  });

  it.each([1.5, -1, 33, Number.NaN])('says that %d is no prefix', (prefix) => {
    expect(() => addressPool({ ...lan, prefix })).toThrow(`the prefix is ${prefix}`);
  });
});

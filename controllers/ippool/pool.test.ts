import { describe, expect, it } from 'vitest';
import type { IPPool } from '../../src/api/kinds.ts';
import { parseAddress } from '../../src/domain/ipam/address.ts';
import { aLease, anAppliance, aPool } from '../../test/builders/objects.ts';
import {
  expectCondition,
  expectStanding,
  READY,
  RECONCILING,
  STALLED,
} from '../../test/expectations/conditions.ts';
import { awaitedPoolKey, poolsWith, readPool } from '../objects/pool-references.ts';
import { occurrencesOf } from '../status/occurrence.ts';
import { POOL_EVENTS, type StatusFacts, statusOf, urgencyOf } from './status.ts';
import { overlapsOf, type Usage, usageOf } from './usage.ts';

const usage = (pool: IPPool, own: readonly string[], others: readonly string[] = []): Usage => {
  const read = readPool(pool);
  if ('problem' in read) throw new Error(read.problem);
  return usageOf(
    read.pool,
    own.map((address) => aLease(address)),
    others.map((address) => aLease(address)),
  );
};
const statusWith = (facts: Partial<StatusFacts> = {}) =>
  statusOf({ pool: aPool(), usage: usage(aPool(), []), overlaps: [], blocker: undefined, now: 0, ...facts });

describe('the numbers of a pool', () => {
  it('count its own leases as used, and as free what no lease has', () => {
    expect(usage(aPool(), [])).toEqual({ total: 3n, used: 0, free: 3n });
    expect(usage(aPool(), ['10.0.8.10'], ['10.0.8.11', '10.0.8.99'])).toEqual({
      total: 3n,
      used: 1,
      free: 1n,
    });
  });

  it('count addresses that were assigned before the ranges changed', () => {
    expect(usage(aPool(), ['10.0.8.10', '10.0.8.77'])).toEqual({ total: 3n, used: 2, free: 2n });
  });

  it('are no larger than JSON can represent', () => {
    const ranges = [{ start: 'fd00::', end: 'fd00::ffff:ffff:ffff:ffff' }];
    const pool = aPool({ spec: { family: 'IPv6', ranges, prefix: 64, gateway: undefined } });
    expect(statusWith({ pool, usage: usage(pool, []) })).toMatchObject({
      total: Number.MAX_SAFE_INTEGER,
      used: 0,
      free: Number.MAX_SAFE_INTEGER,
    });
  });
});

describe('a pool', () => {
  it.each([
    ['has free addresses', {}, READY, 'Available'],
    ['is full', { usage: { total: 3n, used: 3, free: 0n } }, READY, 'AddressPoolExhausted'],
    ['has no addresses', { usage: { total: 0n, used: 0, free: 0n } }, STALLED, 'NoAddresses'],
    ['has an invalid spec', { usage: { problem: 'swap the two' } }, STALLED, 'InvalidPool'],
    [
      'is deleted while in use',
      { blocker: { reason: 'InUse', message: 'default/web', isStalled: false } },
      RECONCILING,
      'InUse',
    ],
  ] as const)('that %s says so', (_, facts, standing, reason) => {
    expectStanding(statusWith(facts).conditions, standing, reason);
  });

  it('names the pools that share addresses with it, and the addresses', () => {
    const pools = [
      aPool(),
      aPool({ metadata: { name: 'more' }, spec: { ranges: [{ start: '10.0.8.12', end: '10.0.8.20' }] } }),
      aPool({ metadata: { name: 'apart' }, spec: { ranges: [{ start: '10.0.8.13', end: '10.0.8.20' }] } }),
      aPool({
        metadata: { name: 'wide', namespace: 'other' },
        spec: { ranges: [{ start: '10.0.8.2', end: '10.0.8.99' }] },
      }),
    ];
    const read = readPool(aPool());
    const overlaps = 'pool' in read ? overlapsOf(aPool(), read.pool, pools) : [];
    expect(overlaps.map(({ description }) => description)).toEqual([
      'pool default/more has 10.0.8.12, too',
      'pool other/wide has 10.0.8.10 to 10.0.8.12, too',
    ]);
    const { conditions } = statusWith({ overlaps: overlaps.map(({ description }) => description) });
    expect(expectCondition(conditions, 'Overlapping', 'True', 'PoolsOverlap')).toContain('default/more');
    expectStanding(conditions, READY, 'Available');
    expect(poolsWith(pools, parseAddress('10.0.8.13') ?? { family: 'IPv4', value: 0n })).toEqual([
      'default/more',
      'default/apart',
      'other/wide',
    ]);
  });

  it('writes new conditions at once and counts later, with Events for new conditions only', () => {
    const now = statusWith();
    const events = (old: typeof now, next: typeof now) =>
      occurrencesOf(POOL_EVENTS, old.conditions, next.conditions);
    expect(urgencyOf(undefined, now)).toBe('now');
    expect(urgencyOf(now, now)).toBe('none');
    const used = statusWith({ pool: aPool({ status: now }), usage: usage(aPool(), ['10.0.8.10']) });
    expect(urgencyOf(now, used)).toBe('soon');
    expect(events(now, used)).toEqual([]);
    const full = statusWith({ pool: aPool({ status: now }), usage: { total: 3n, used: 3, free: 0n } });
    expect(urgencyOf(now, full)).toBe('now');
    expect(events(now, full)).toMatchObject([{ type: 'Warning', reason: 'AddressPoolExhausted' }]);
    expect(events(full, now)).toMatchObject([{ type: 'Normal', reason: 'Available' }]);
    const shared = statusWith({
      pool: aPool({ status: now }),
      overlaps: ['pool default/more has 10.0.8.12, too'],
    });
    expect(events(now, shared)).toMatchObject([{ type: 'Warning', reason: 'PoolsOverlap' }]);
  });
});

describe('the pool from which an appliance awaits an address', () => {
  const bound = { hostName: 'host-a' };
  it.each([
    [
      'that of a bound appliance with a pool',
      { spec: { ...bound, network: { pool: 'lan' } } },
      'default/lan',
    ],
    ['none in mode User', { spec: { ...bound, network: {} } }, undefined],
    ['none without a host', { spec: { network: { pool: 'lan' } } }, undefined],
    [
      'none when it has one',
      {
        spec: { ...bound, network: { pool: 'lan' } },
        status: { network: { address: '10.0.8.10', prefix: 24, pool: 'lan' } },
      },
      undefined,
    ],
  ] as const)('is %s', (_, appliance, key) => {
    expect(awaitedPoolKey(anAppliance(appliance))).toBe(key);
  });
});

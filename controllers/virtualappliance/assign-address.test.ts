import { describe, expect, it } from 'vitest';
import type { IPLease, IPPool, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import { createStore } from '../../src/kube/informer/store.ts';
import { aLease, anAppliance, aPool } from '../../test/builders/objects.ts';
import type { OperatorContext } from '../context.ts';
import { HostViews } from '../daemons/view.ts';
import { LEASE_INDEXES } from '../indexes.ts';
import { ensureAddress } from './assign-address.ts';
import { ExhaustedPools } from './exhausted-pools.ts';

const waiting = (name = 'web-0', network: VirtualAppliance['spec']['network'] = { pool: 'lan' }) =>
  anAppliance({ metadata: { name }, spec: { hostName: 'host-a', network } });
const having = (address: string, name = 'web-0') => ({
  ...waiting(name),
  status: { network: { address, prefix: 24, pool: 'lan' } },
});

interface Given {
  readonly pool?: IPPool;
  /** What the API server has, and of it what the cache shows; all of it when not given. */
  readonly leases?: readonly IPLease[];
  readonly cached?: readonly IPLease[];
}

/** An API server of leases, and an operator whose cache shows of it what the test says. */
function setUp({ pool = aPool(), leases = [], cached = leases }: Given = {}) {
  const server = new Map(leases.map((lease) => [lease.metadata.name, lease]));
  const cache = createStore(LEASE_INDEXES);
  for (const lease of cached) cache.set(lease);
  const calls: string[] = [];
  const state = { pool: pool as IPPool | undefined, onList: () => undefined as undefined };
  const fail = (reason: string) => new ApiError({ status: 409, reason, message: reason });
  const client = {
    list: async (_ref: unknown, { labelSelector }: { labelSelector: string }) => {
      calls.push('list');
      state.onList();
      const items = [...server.values()].filter(({ spec }) =>
        labelSelector.endsWith(`=${spec.appliance.uid}`),
      );
      return { items, resourceVersion: '1' };
    },
    create: async (_ref: unknown, lease: IPLease) => {
      if (server.has(lease.metadata.name)) throw fail('AlreadyExists');
      server.set(lease.metadata.name, lease);
      calls.push('create');
      return lease;
    },
    find: async (_ref: unknown, { name }: { name: string }) => server.get(name),
    patch: async (ref: { kind: string }, _name: unknown, patch: { status?: object }) => {
      calls.push(`patch ${ref.kind}`);
      return { ...waiting(), ...patch };
    },
    delete: async (_ref: unknown, { name }: { name: string }) => {
      calls.push('delete');
      server.delete(name);
    },
  };
  const context = {
    client,
    views: new HostViews(),
    recorder: { record: (_: unknown, { reason }: { reason: string }) => calls.push(`event ${reason}`) },
    caches: {
      leases: cache,
      pools: {
        get: (key: string) =>
          state.pool !== undefined && key === keyOf(state.pool) ? state.pool : undefined,
      },
    },
  } as unknown as OperatorContext;
  const exhausted = new ExhaustedPools();
  const ensure = async (appliance: VirtualAppliance, machine?: string) => {
    calls.length = 0;
    const { signal } = new AbortController();
    return (await ensureAddress(context, appliance, exhausted, signal, machine)).given;
  };
  return { calls, ensure, exhausted, server, state };
}

const problem = (name: string, reason: string, words = '') =>
  expect.objectContaining({ name, reason, message: expect.stringContaining(words) });
const others = ['10.0.8.10', '10.0.8.11', '10.0.8.12'].map((address) => aLease(address, 'uid-another'));

describe('an appliance that needs an address', () => {
  it('needs none in mode User', async () => {
    const { calls, ensure } = setUp();
    expect(await ensure(waiting('web-0', {}))).toBeUndefined();
    expect(calls).toEqual([]);
  });

  it('gets it by a lease first and then in its status, with prefix, gateway and pool', async () => {
    const { calls, ensure, server } = setUp();
    const given = await ensure(waiting());
    expect(given).toMatchObject({ prefix: 24, gateway: '10.0.8.1', pool: 'lan' });
    expect([...server.keys()]).toEqual([given?.address]);
    expect(calls).toEqual(['list', 'create', 'patch VirtualAppliance']);
  });

  it('gets the one that its machine had before it was recalled, if that is free', async () => {
    const before = await setUp().ensure(waiting());
    for (const name of ['web-1', 'web-2', 'web-3', 'web-4'])
      expect(await setUp().ensure(waiting(name), 'uid-web-0')).toEqual(before);
    const taken = aLease(before?.address ?? '', 'uid-another');
    expect(await setUp({ leases: [taken] }).ensure(waiting('web-1'), 'uid-web-0')).not.toEqual(before);
  });

  it('gets the one that is left, whichever addresses look free in its cache', async () => {
    const { ensure } = setUp({ leases: others.slice(0, 2), cached: [] });
    expect((await ensure(waiting()))?.address).toBe('10.0.8.12');
  });

  it('uses a lease that it has already, even from a pool that gives no more addresses', async () => {
    const leases = [...others.slice(0, 2), aLease('10.0.8.12')];
    const { calls, ensure, state } = setUp({ leases });
    state.pool = aPool({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
    expect((await ensure(waiting()))?.address).toBe('10.0.8.12');
    expect(calls).toEqual(['list', 'patch VirtualAppliance']);
  });

  it('waits for a full pool, and sends no request before an address is free', async () => {
    const { calls, ensure, exhausted, server } = setUp({ leases: others, cached: [] });
    await expect(ensure(waiting())).rejects.toEqual(
      problem('WaitingError', 'AddressPoolExhausted', 'all 3 addresses'),
    );
    await expect(ensure(waiting())).rejects.toEqual(problem('WaitingError', 'AddressPoolExhausted'));
    expect(calls).toEqual([]);
    server.delete('10.0.8.11');
    exhausted.reset();
    expect((await ensure(waiting()))?.address).toBe('10.0.8.11');
  });

  it('sees a pool that grows during the request to the API server', async () => {
    const { ensure, exhausted, state } = setUp({ leases: others });
    state.onList = () => {
      state.pool = aPool({ spec: { ranges: [{ start: '10.0.8.10', end: '10.0.8.13' }] } });
      exhausted.reset();
    };
    expect((await ensure(waiting()))?.address).toBe('10.0.8.13');
  });

  it('does not treat a pool as full when an address became free during the search', () => {
    const exhausted = new ExhaustedPools();
    const { epoch } = exhausted;
    exhausted.reset();
    exhausted.add('default/lan', epoch);
    expect(exhausted.has('default/lan')).toBe(false);
    exhausted.add('default/lan', exhausted.epoch);
    expect(exhausted.has('default/lan')).toBe(true);
  });

  it.each([
    ['does not exist', undefined, 'AddressPoolNotFound'],
    [
      'is being deleted',
      aPool({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
      'AddressPoolNotReady',
    ],
    ['is new', aPool({ metadata: { finalizers: [] } }), 'AddressPoolNotReady'],
    [
      'makes no sense',
      aPool({ spec: { family: 'IPv6', ranges: [{ start: 'fd00::9', end: 'fd00::1' }], gateway: undefined } }),
      'AddressPoolNotReady',
    ],
  ])('waits for a pool that %s, without listing leases', async (_, pool, reason) => {
    const { calls, ensure, state } = setUp();
    state.pool = pool;
    await expect(ensure(waiting())).rejects.toEqual(problem('WaitingError', reason, 'default/lan'));
    expect(calls).toEqual([]);
  });

  it('gets the reserved address or none, and others do not get it', async () => {
    const reservations = [{ address: '10.0.8.12', appliance: 'db' }];
    const { ensure } = setUp({ pool: aPool({ spec: { reservations } }), leases: others.slice(0, 2) });
    await expect(ensure(waiting())).rejects.toEqual(problem('WaitingError', 'AddressPoolExhausted'));
    expect((await ensure(waiting('db')))?.address).toBe('10.0.8.12');
    const late = setUp({ pool: aPool({ spec: { reservations } }), leases: others.slice(2) });
    await expect(late.ensure(waiting('db'))).rejects.toEqual(
      problem('WaitingError', 'AddressInUse', '10.0.8.12 is assigned to appliance default/web-0'),
    );
  });
});

describe('an appliance that has an address', () => {
  it('keeps it, without a request, whatever happens to the pool', async () => {
    const { calls, ensure, state } = setUp({ leases: [aLease('10.0.8.10')] });
    state.pool = undefined;
    expect(await ensure(having('10.0.8.10'))).toMatchObject({ address: '10.0.8.10' });
    expect(calls).toEqual([]);
  });

  it('gets a deleted lease created again', async () => {
    const { calls, ensure, server } = setUp();
    await ensure(having('10.0.8.10'));
    expect(calls).toEqual(['create', 'event AddressReclaimed']);
    expect(server.get('10.0.8.10')?.spec.appliance.name).toBe('web-0');
  });

  it('is not sent to its host when another appliance has its address', async () => {
    const { ensure } = setUp({ leases: others });
    await expect(ensure(having('10.0.8.10'))).rejects.toEqual(
      problem('WaitingError', 'AddressConflict', 'delete one of the two'),
    );
  });

  it('releases its other leases', async () => {
    const { calls, ensure } = setUp({ leases: [aLease('10.0.8.10'), aLease('10.0.8.11')] });
    expect((await ensure(having('10.0.8.11')))?.address).toBe('10.0.8.11');
    expect(calls).toEqual(['patch IPLease', 'delete']);
  });
});

import { readFile } from 'node:fs/promises';
import { load } from 'js-yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  IP_LEASES,
  IP_POOLS,
  SERVICE_DEPLOYMENTS,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import { EVENTS } from '../../../src/kube/events/event-record.ts';
import { aLease } from '../../builders/objects.ts';
import {
  expectCondition,
  expectStanding,
  READY,
  RECONCILING,
  STALLED,
} from '../../expectations/conditions.ts';
import { STUCK_ADDRESS } from './daemons.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

describe('addresses of pools', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    for (const name of ['host-a', 'host-b']) await world.addHost(name);
    await world.startOperator();
  });
  afterEach(async () => {
    await world.clear();
    expect(await world.leases(), 'no address stays taken').toEqual([]);
  });
  afterAll(() => world.stop());

  const available = (name: string): Promise<VirtualAppliance> =>
    eventually(`${name} answers`, async () => {
      const found = await world.appliance(name);
      expectStanding(found.status?.conditions, READY, 'ServiceAvailable');
      return found;
    });
  const says = (name: string, standing: typeof STALLED | typeof RECONCILING, reason: string) =>
    eventually(`${name} says ${reason}`, async () =>
      expectStanding((await world.appliance(name)).status?.conditions, standing, reason),
    );
  const addressOf = async (name: string) => (await available(name)).status?.network?.address;
  const addressesOf = async (names: readonly string[]) => (await Promise.all(names.map(addressOf))).sort();
  const poolSays = (name: string, numbers: object) =>
    eventually(`pool ${name} says so`, async () => {
      const { status } = await world.pool(name);
      expect(status).toMatchObject(numbers);
      return status;
    });
  const told = (reason: string, name: string) =>
    eventually(`an Event says ${reason}`, async () => {
      const { items } = await world.kube.list(EVENTS, { namespace: 'default' });
      expect(items).toContainEqual(
        expect.objectContaining({ reason, involvedObject: expect.objectContaining({ name }) }),
      );
    });
  const bridge = { network: { pool: 'lan' } };

  it('three appliances get three addresses, and answer there', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await world.deploy('shop', { replicas: 3, network: { pool: 'lan' } });
    const names = ['shop-web-0', 'shop-web-1', 'shop-web-2'];
    expect(await addressesOf(names)).toEqual(['10.0.8.10', '10.0.8.11', '10.0.8.12']);
    const { metadata, spec, status } = await available('shop-web-0');
    const { address = '' } = status?.network ?? {};
    expect(status?.network).toEqual({
      address,
      prefix: 24,
      gateway: '10.0.8.1',
      dns: ['10.0.8.1'],
      pool: 'lan',
    });
    expect(status?.url).toBe(`http://${address}/`);
    expect(status?.endpoints).toEqual([{ name: 'service', address, port: 80, guestPort: 80 }]);
    expect(await world.kube.get(IP_LEASES, { name: address })).toMatchObject({
      spec: {
        address,
        pool: { namespace: 'default', name: 'lan' },
        appliance: { namespace: 'default', name: 'shop-web-0', uid: metadata.uid },
        hostName: spec.hostName,
      },
    });
    const pool = await poolSays('lan', { total: 3, used: 3, free: 0 });
    expectStanding(pool?.conditions, READY, 'AddressPoolExhausted');
    expectCondition(pool?.conditions, 'Overlapping', 'False', 'NoOverlap');
  });

  it('who gets none waits, and goes on when one is given back', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan', { ranges: [{ start: '10.0.8.10', end: '10.0.8.10' }] });
    await world.addAppliance('first', bridge);
    await available('first');
    await world.addAppliance('second', bridge);
    expect(await says('second', RECONCILING, 'AddressPoolExhausted')).toContain(
      'all 1 addresses of pool default/lan',
    );
    await told('AddressPoolExhausted', 'second');
    await world.removeAppliance('first');
    expect(await addressOf('second')).toBe('10.0.8.10');
    await world.addAppliance('third', bridge);
    await says('third', RECONCILING, 'AddressPoolExhausted');
    const ranges = [{ start: '10.0.8.10', end: '10.0.8.11' }];
    await world.kube.patch(IP_POOLS, { namespace: 'default', name: 'lan' }, { spec: { ranges } });
    expect(await addressOf('third')).toBe('10.0.8.11');
  });

  it('a pool that is missing is waited for, and one that is deleted goes after its addresses', async () => {
    await world.addTemplate('debian');
    await world.addAppliance('web', bridge);
    expect(await says('web', RECONCILING, 'AddressPoolNotFound')).toContain(
      'IPPool default/lan does not exist',
    );
    await world.addPool('lan');
    await available('web');
    await world.kube.delete(IP_POOLS, { namespace: 'default', name: 'lan' });
    const pool = await eventually('it says who holds it', async () => {
      const found = await world.pool('lan');
      expect(expectCondition(found.status?.conditions, 'Ready', 'False', 'InUse')).toContain('default/web');
      return found;
    });
    expect(pool.metadata.deletionTimestamp).toBeDefined();
    await world.addAppliance('late', bridge);
    await says('late', RECONCILING, 'AddressPoolNotReady');
    await world.removeAppliance('web');
    await eventually('the pool is gone', async () => {
      expect(await world.kube.find(IP_POOLS, { namespace: 'default', name: 'lan' })).toBeUndefined();
    });
    await says('late', RECONCILING, 'AddressPoolNotFound');
  });

  it('an appliance that is deleted while its guest sets its network gives its address back', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan', { ranges: [{ start: STUCK_ADDRESS, end: STUCK_ADDRESS }] });
    await world.addAppliance('stuck', bridge);
    const { spec } = await eventually('its guest sets its network', async () => {
      const found = await world.appliance('stuck');
      expect(found.status?.steps).toContainEqual(
        expect.objectContaining({ name: 'Network', state: 'Running' }),
      );
      return found;
    });
    expect((await world.leases()).map(({ metadata }) => metadata.name)).toEqual([STUCK_ADDRESS]);
    await world.kube.delete(VIRTUAL_APPLIANCES, { namespace: 'default', name: 'stuck' });
    await eventually('it is gone, and its lease', async () => {
      expect(await world.appliances()).toEqual([]);
      expect(await world.leases()).toEqual([]);
    });
    expect(await world.daemons.appliancesOn(spec.hostName ?? '')).toEqual([]);
    await poolSays('lan', { used: 0, free: 1 });
  });

  it('a chosen address is checked, and waited for when another has it', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan', {
      ranges: [{ start: '10.0.8.1', end: '10.0.8.20' }],
      exclusions: ['10.0.8.9'],
      reservations: [{ address: '10.0.8.7', appliance: 'db' }],
    });
    const choose = (name: string, address: string) =>
      world.addAppliance(name, { network: { mode: 'Bridge', pool: 'lan', address } });
    await choose('first', '10.0.8.5');
    expect(await addressOf('first')).toBe('10.0.8.5');
    await choose('second', '10.0.8.5');
    expect(await says('second', RECONCILING, 'AddressInUse')).toContain(
      'assigned to appliance default/first',
    );
    await told('AddressInUse', 'second');
    const refused = [
      ['outside', '10.0.8.21', 'AddressNotInPool'],
      ['excluded', '10.0.8.9', 'AddressWithheld'],
      ['gateway', '10.0.8.1', 'AddressWithheld'],
      ['reserved', '10.0.8.7', 'AddressReserved'],
      ['family', 'fd00::1', 'AddressFamilyMismatch'],
    ] as const;
    for (const [name, address] of refused) await choose(name, address);
    for (const [name, address, reason] of refused)
      expect(await says(name, STALLED, reason)).toContain(address);
    await world.addAppliance('db', bridge);
    expect(await addressOf('db'), 'the reservation').toBe('10.0.8.7');
    await world.removeAppliance('first');
    expect(await addressOf('second')).toBe('10.0.8.5');
  });

  it('a reserved address is kept for its appliance', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan', {
      ranges: [{ start: '10.0.8.10', end: '10.0.8.11' }],
      reservations: [{ address: '10.0.8.10', appliance: 'db' }],
    });
    await world.addAppliance('one', bridge);
    expect(await addressOf('one')).toBe('10.0.8.11');
    await world.addAppliance('two', bridge);
    await says('two', RECONCILING, 'AddressPoolExhausted');
    await world.addAppliance('db', bridge);
    expect(await addressOf('db')).toBe('10.0.8.10');
  });

  it('IPv6: the addresses, their leases and the URL', async () => {
    await world.addTemplate('debian');
    const ranges = [{ start: 'fd00:8::', end: 'fd00:8::ffff:ffff:ffff:ffff' }];
    await world.addPool('lan', { family: 'IPv6', ranges, prefix: 64, gateway: 'fd00:8::1', dns: [] });
    await world.addAppliance('any', bridge);
    await world.addAppliance('chosen', { network: { pool: 'lan', address: 'fd00:8::a' } });
    const { status } = await available('chosen');
    expect(status).toMatchObject({
      url: 'http://[fd00:8::a]/',
      network: { address: 'fd00:8::a', prefix: 64 },
    });
    expect(await addressOf('any')).toMatch(/^fd00:8::/);
    const leases = await world.leases();
    expect(leases.map(({ metadata }) => metadata.name)).toContain('fd00-0008-0000-0000-0000-0000-0000-000a');
    await poolSays('lan', { total: Number.MAX_SAFE_INTEGER, used: 2, free: Number.MAX_SAFE_INTEGER });
  });

  it('a pool that only looks right says what is wrong, and serves when it is put right', async () => {
    await world.addTemplate('debian');
    const spec = { family: 'IPv6', prefix: 64, gateway: 'fd00:8::1', dns: [] };
    await world.addPool('lan', { ...spec, ranges: [{ start: 'fd00:8::9', end: 'fd00:8::2' }] });
    await eventually('the pool says so', async () => {
      const { status } = await world.pool('lan');
      expect(expectStanding(status?.conditions, STALLED, 'InvalidPool')).toContain('swap the two');
    });
    await told('InvalidPool', 'lan');
    await world.addAppliance('web', bridge);
    expect(await says('web', RECONCILING, 'AddressPoolNotReady')).toContain('swap the two');
    const ranges = [{ start: 'fd00:8::2', end: 'fd00:8::9' }];
    await world.kube.patch(IP_POOLS, { namespace: 'default', name: 'lan' }, { spec: { ranges } });
    expect(await addressOf('web')).toMatch(/^fd00:8::[2-9]$/);
  });

  it('pools that share addresses say so, and give none of them twice', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan', { ranges: [{ start: '10.0.8.10', end: '10.0.8.11' }] });
    await world.addPool('other', { ranges: [{ start: '10.0.8.11', end: '10.0.8.12' }] });
    for (const name of ['lan', 'other']) {
      const message = await eventually(`${name} says so`, async () =>
        expectCondition((await world.pool(name)).status?.conditions, 'Overlapping', 'True', 'PoolsOverlap'),
      );
      expect(message).toContain(`pool default/${name === 'lan' ? 'other' : 'lan'} has 10.0.8.11, too`);
    }
    const names = ['a', 'b', 'c', 'd'];
    for (const [index, name] of names.entries())
      await world.addAppliance(name, { network: { pool: index < 2 ? 'lan' : 'other' } });
    const waiting = await eventually('three have one, and one waits', async () => {
      const all = await Promise.all(names.map((name) => world.appliance(name)));
      const without = all.filter(({ status }) => status?.network === undefined);
      expect(without).toHaveLength(1);
      expectStanding(without[0]?.status?.conditions, RECONCILING, 'AddressPoolExhausted');
      return without[0]?.metadata.name ?? '';
    });
    expect((await world.leases()).map(({ spec }) => spec.address)).toEqual([
      '10.0.8.10',
      '10.0.8.11',
      '10.0.8.12',
    ]);
    await poolSays('lan', { free: 0 });
    // Whoever has the shared address, it is free for the one who waits as soon as it is given back.
    const [shared] = (await world.leases()).filter(({ spec }) => spec.address === '10.0.8.11');
    await world.removeAppliance(shared?.spec.appliance.name ?? '');
    expect(await addressOf(waiting)).toBe('10.0.8.11');
  });

  it('changes of the pool move nobody', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await world.addAppliance('old', bridge);
    const before = await available('old');
    await world.kube.patch(
      IP_POOLS,
      { namespace: 'default', name: 'lan' },
      {
        spec: { ranges: [{ start: '10.0.8.20', end: '10.0.8.20' }], gateway: '10.0.8.2' },
      },
    );
    await world.addAppliance('new', bridge);
    expect((await available('new')).status?.network).toMatchObject({
      address: '10.0.8.20',
      gateway: '10.0.8.2',
    });
    const after = await available('old');
    expect(after.status?.network).toEqual(before.status?.network);
    expect(after.status?.vm).toEqual(before.status?.vm);
    await poolSays('lan', { total: 1, used: 2, free: 0 });
  });

  it('a restart of the operator moves nobody, and gives nothing away', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await world.deploy('shop', { replicas: 2, network: { pool: 'lan' } });
    const names = ['shop-web-0', 'shop-web-1'];
    const before = await Promise.all(names.map(available));
    const leases = await world.leases();
    await world.stopOperator();
    await world.startOperator();
    await world.addAppliance('probe', bridge);
    await available('probe');
    const after = await Promise.all(names.map(available));
    expect(after.map(({ status }) => status?.network)).toEqual(before.map(({ status }) => status?.network));
    expect(await world.leases()).toEqual(expect.arrayContaining(leases));
    expect(await world.leases()).toHaveLength(3);
  });

  it('a second lease of one appliance is given back', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await world.addAppliance('web-0', bridge);
    const { metadata } = await available('web-0');
    const own = await addressOf('web-0');
    const surplus = ['10.0.8.10', '10.0.8.11'].find((address) => address !== own) ?? '';
    await world.kube.create(IP_LEASES, aLease(surplus, metadata.uid ?? ''));
    await eventually('it is given back', async () => {
      expect((await world.leases()).map(({ spec }) => spec.address)).toEqual([own]);
    });
  });

  it('a lease whose operator was killed before it told anybody is taken up', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await eventually('the pool is held', async () => {
      expect((await world.pool('lan')).metadata.finalizers).toContain('coppice.dev/ip-pool');
    });
    await world.stopOperator();
    await world.addAppliance('web-0', { ...bridge, hostName: 'host-a' });
    const { metadata } = await world.appliance('web-0');
    await world.kube.create(IP_LEASES, aLease('10.0.8.12', metadata.uid ?? ''));
    await world.startOperator();
    expect(await addressOf('web-0')).toBe('10.0.8.12');
    expect(await world.leases()).toHaveLength(1);
  });

  it('a lease that somebody deletes stays until its VM is gone, and is made again when it is torn out', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await world.addAppliance('web', bridge);
    const name = (await addressOf('web')) ?? '';
    const { metadata } = await world.kube.get(IP_LEASES, { name });
    await world.kube.delete(IP_LEASES, { name });
    expect((await world.kube.get(IP_LEASES, { name })).metadata.uid).toBe(metadata.uid);
    await world.kube.patch(IP_LEASES, { name }, { metadata: { finalizers: [] } });
    await eventually('it is there again', async () => {
      const lease = await world.kube.get(IP_LEASES, { name });
      expect(lease.metadata.uid).not.toBe(metadata.uid);
      expect(lease.spec.appliance.name).toBe('web');
    });
    await told('AddressReclaimed', 'web');
  });

  it('an address stays taken while a VM of nobody has it', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await world.addAppliance('web', { ...bridge, placement: { hosts: ['host-a'] } });
    const address = (await addressOf('web')) ?? '';
    await world.stopOperator();
    const name = { namespace: 'default', name: 'web' };
    await world.kube.patch(VIRTUAL_APPLIANCES, name, { metadata: { finalizers: [] } });
    await world.removeAppliance('web');
    await world.startOperator();
    await told('AddressHeld', address);
    expect((await world.leases()).map(({ spec }) => spec.address)).toEqual([address]);
    await world.daemons.removeFrom('host-a', 'web');
    await eventually('it is given back', async () => expect(await world.leases()).toEqual([]));
  });

  it('an appliance deleted by force keeps its address until its host is unregistered', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await world.addHost('host-c');
    await world.addAppliance('web', { ...bridge, placement: { hosts: ['host-c'] } });
    const address = (await addressOf('web')) ?? '';
    await world.daemons.stop('host-c');
    await world.annotate('web', { 'coppice.dev/force-delete': 'true' });
    await world.removeAppliance('web');
    await eventually('the appliance is gone', async () => expect(await world.appliances()).toEqual([]));
    await told('AddressHeld', address);
    expect(await world.leases()).toHaveLength(1);
    await world.removeHost('host-c');
    await eventually('it is given back', async () => expect(await world.leases()).toEqual([]));
  });

  it('the example does what it says', async () => {
    await world.addNamespace('coppice-system');
    await world.addTemplate('minimal', {
      namespace: 'coppice-system',
      spec: { series: 'minimal', version: '1', sharing: { scope: 'Cluster' } },
    });
    for (const [ref, file] of [
      [IP_POOLS, 'ippool'],
      [SERVICE_DEPLOYMENTS, 'servicedeployment'],
    ] as const) {
      const text = await readFile(new URL(`../../../examples/network/${file}.yaml`, import.meta.url), 'utf8');
      await world.kube.create(ref as ResourceRef, load(text) as KubeObject);
    }
    expect(await addressOf('intranet-web-0'), 'the reservation').toBe('10.0.8.10');
    expect(await addressOf('intranet-web-1')).toMatch(/^10\.0\.8\.(1[1-9]|[2-9]\d)$/);
    await poolSays('lan', { total: 89, used: 2, free: 87 });
  });

  it('a task that asks for another network gets new VMs', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await world.deploy('shop', {});
    const before = await available('shop-web-0');
    expect(before.status?.network).toBeUndefined();
    await world.change('shop', { network: { mode: 'User' } });
    await world.change('shop', { network: { pool: 'lan' } });
    await eventually('it is another one, with an address', async () => {
      const after = await world.appliance('shop-web-0');
      expect(after.metadata.uid).not.toBe(before.metadata.uid);
      expectStanding(after.status?.conditions, READY, 'ServiceAvailable');
      expect(after.status?.network?.pool).toBe('lan');
    });
  });
});

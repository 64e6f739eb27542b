import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SERVICE_DEPLOYMENTS, type ServiceDeployment, TEMPLATES } from '../../../src/api/kinds.ts';
import { expectCondition, expectStanding, READY, STALLED } from '../../expectations/conditions.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

describe('a task', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
    await world.addHost('host-b');
    await world.startOperator();
  });
  afterEach(() => world.clear());
  afterAll(() => world.stop());

  /** Waits until the task as declared now is carried out. */
  const deployed = (name: string, replicas: number): Promise<ServiceDeployment> =>
    eventually(`${replicas} replicas answer`, async () => {
      const found = await world.deployment(name);
      expectStanding(found.status?.conditions, READY, 'Deployed');
      expect(found.status?.observedGeneration).toBe(found.metadata.generation);
      expect(found.status).toMatchObject({ wantedReplicas: replicas, replicas, readyReplicas: replicas });
      return found;
    });
  const names = async () => (await world.appliances()).map(({ metadata }) => metadata.name).sort();

  it('of three replicas answers at three URLs, on hosts that were chosen by what is free', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 3, parameters: { hostname: 'web' } });
    const { status } = await deployed('shop', 3);
    expect(await names()).toEqual(['shop-web-0', 'shop-web-1', 'shop-web-2']);
    expect(new Set(status?.services?.[0]?.accessPoints).size).toBe(3);
    expect(status?.url).toBe(status?.services?.[0]?.accessPoints?.[0]);
    expect(status?.services?.[0]?.template).toBe('default/debian');
    expect(status?.prediction?.actualSeconds).toBeGreaterThan(0);
    const appliances = await world.appliances();
    expect(new Set(appliances.map(({ spec }) => spec.hostName))).toEqual(new Set(['host-a', 'host-b']));
    expect(appliances.map(({ spec }) => spec.parameters?.hostname)).toEqual(['web-0', 'web-1', 'web-2']);
    for (const appliance of appliances) {
      expectStanding(appliance.status?.conditions, READY, 'ServiceAvailable');
      expect(appliance.status?.uuid).toBe(appliance.metadata.uid);
    }
  });

  it('is scaled up and down, and the ones with the highest numbers go', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop');
    await deployed('shop', 1);
    const [first] = await world.appliances();
    await world.change('shop', {}, { replicas: 4 });
    await deployed('shop', 4);
    await world.change('shop', {}, { replicas: 2 });
    await deployed('shop', 2);
    expect(await names()).toEqual(['shop-web-0', 'shop-web-1']);
    expect((await world.appliance('shop-web-0')).metadata.uid).toBe(first?.metadata.uid);
  });

  it('is scaled before anybody scaled it, and again by a later change of its service', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 2 });
    const { metadata } = await deployed('shop', 2);
    const path = '/apis/coppice.dev/v1alpha1/namespaces/default/servicedeployments/shop/scale';
    expect(await world.kube.getRaw(path)).toMatchObject({
      spec: { replicas: 2 },
      status: { replicas: 2 },
    });
    const [service] = (await world.deployment('shop')).spec.services;
    await world.kube.patch(
      SERVICE_DEPLOYMENTS,
      { namespace: 'default', name: 'shop' },
      { spec: { replicas: 1 } },
    );
    await deployed('shop', 1);
    await world.change('shop', { replicas: 3 });
    const after = await deployed('shop', 3);
    expect(after.spec.replicas).toBe(3);
    await world.kube.patch(
      SERVICE_DEPLOYMENTS,
      { namespace: 'default', name: 'shop' },
      {
        spec: {
          services: [
            { ...service, replicas: 1 },
            { ...service, name: 'api', replicas: 1 },
          ],
        },
      },
    );
    const { status } = await deployed('shop', 2);
    expectCondition(status?.conditions, 'ReplicasIgnored', 'True', 'SeveralServices');
    expect((await world.deployment('shop')).metadata.uid).toBe(metadata.uid);
  });

  it('gets another package in the VMs that it has', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 2 });
    await deployed('shop', 2);
    const before = await world.appliances();
    await world.change('shop', { package: { inline: { files: { 'index.html': 'goodbye' } } } });
    await deployed('shop', 2);
    const after = await world.appliances();
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
    expect(after.map(({ spec }) => spec.package?.inline?.files)).toEqual([
      { 'index.html': 'goodbye' },
      { 'index.html': 'goodbye' },
    ]);
  });

  it('gets VMs of another size with the disks that they have, one after the other', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 3 });
    await deployed('shop', 3);
    const before = await world.appliances();
    let fewest = 3;
    await world.change('shop', { resources: { cpu: '1', memory: '512Mi' } });
    await eventually('all are larger', async () => {
      const { status, metadata } = await world.deployment('shop');
      fewest = Math.min(fewest, status?.readyReplicas ?? 0);
      expect(status?.observedGeneration).toBe(metadata.generation);
      expectStanding(status?.conditions, READY, 'Deployed');
    });
    expect(fewest).toBeGreaterThanOrEqual(2);
    const after = await world.appliances();
    expect(after.map(({ spec }) => spec.resources.memory)).toEqual(['512Mi', '512Mi', '512Mi']);
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
    expect(after.map(({ status }) => status?.resources)).toEqual(
      after.map(() => ({ cpu: '1', memory: '512Mi' })),
    );
    expect(after.map(({ status }) => status?.url)).toEqual(before.map(({ status }) => status?.url));
  });

  it('gets new VMs for every change where its strategy says so, and an Event before', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 2, strategy: 'Replace' });
    await deployed('shop', 2);
    const uids = async () => (await world.appliances()).map(({ metadata }) => metadata.uid);
    const before = await uids();
    await world.change('shop', { parameters: { env: { A: 'b' } } });
    await eventually('all are new', async () => {
      await deployed('shop', 2);
      expect((await uids()).filter((uid) => before.includes(uid))).toEqual([]);
    });
    const events = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };
    const { items } = await world.kube.list(events, { namespace: 'default' });
    const messages = items.map((event) => (event as { message?: string }).message ?? '');
    expect(messages).toContainEqual(
      expect.stringMatching(/shop-web-1 is deleted .* its strategy is Replace/),
    );
  });

  it('keeps the template that was chosen from the series, until it asks to follow', async () => {
    const version = (text: string) => ({ series: 'debian', version: text });
    await world.addTemplate('debian-1', { spec: version('1.0') });
    await eventually('the template is ready', async () => {
      await world.deploy('shop', { template: { series: 'debian' } });
    });
    await deployed('shop', 1);
    await world.addTemplate('debian-2', { spec: version('2.0') });
    await world.change('shop', {}, { replicas: 2 });
    await deployed('shop', 2);
    expect((await world.appliances()).map(({ spec }) => spec.template.name)).toEqual([
      'debian-1',
      'debian-1',
    ]);
    await eventually('a host has judged the newer one', async () => {
      const { status } = await world.kube.get(TEMPLATES, { namespace: 'default', name: 'debian-2' });
      expectStanding(status?.conditions, READY, 'Available');
    });
    await world.change('shop', { template: { series: 'debian', policy: 'Newest' } });
    await deployed('shop', 2);
    expect((await world.appliances()).map(({ spec }) => spec.template.name)).toEqual([
      'debian-2',
      'debian-2',
    ]);
  });

  it('is recalled with its VMs, and deployed again', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 2 });
    await deployed('shop', 2);
    await world.change('shop', {}, { state: 'Recalled' });
    await eventually('it is recalled', async () => {
      expectStanding((await world.deployment('shop')).status?.conditions, READY, 'Recalled');
    });
    expect(await names()).toEqual([]);
    expect([
      ...(await world.daemons.appliancesOn('host-a')),
      ...(await world.daemons.appliancesOn('host-b')),
    ]).toEqual([]);
    await world.change('shop', {}, { state: 'Deployed' });
    await deployed('shop', 2);
  });

  it('leaves an appliance of somebody else alone that has the name of one of its own', async () => {
    await world.addTemplate('debian');
    await world.addAppliance('shop-web-0', { resources: { memory: '128Mi' } });
    await world.deploy('shop');
    await eventually('it says so', async () => {
      const { status } = await world.deployment('shop');
      expect(expectStanding(status?.conditions, STALLED, 'NameConflict')).toContain('shop-web-0');
    });
    expect((await world.appliance('shop-web-0')).spec.resources.memory).toBe('128Mi');
  });

  it('goes with all that it made', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 2 });
    await deployed('shop', 2);
    await world.removeDeployment('shop');
    await eventually('its appliances are gone', async () => expect(await names()).toEqual([]));
    await eventually('its VMs are gone', async () => {
      expect([
        ...(await world.daemons.appliancesOn('host-a')),
        ...(await world.daemons.appliancesOn('host-b')),
      ]).toEqual([]);
    });
  });
});

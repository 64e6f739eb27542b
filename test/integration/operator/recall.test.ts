import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  TEMPLATES,
  type Template,
  VIRTUAL_APPLIANCES,
} from '../../../src/api/kinds.ts';
import { expectCondition, expectStanding, READY } from '../../expectations/conditions.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const HOSTS = ['host-a', 'host-b'];

describe('a recall with images', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    for (const name of HOSTS) await world.addHost(name);
    await world.startOperator();
  });
  afterEach(() => world.clear());
  afterAll(() => world.stop());

  const settled = (name: string, reason: string): Promise<ServiceDeployment> =>
    eventually(`${name} is ${reason}`, async () => {
      const found = await world.deployment(name);
      expectStanding(found.status?.conditions, READY, reason);
      expect(found.status?.observedGeneration).toBe(found.metadata.generation);
      return found;
    });
  const names = async () => (await world.appliances()).map(({ metadata }) => metadata.name).sort();
  const images = async (): Promise<Template[]> => {
    const { items } = await world.kube.list(TEMPLATES, { namespace: 'default' });
    return items.filter(({ spec }) => spec.recalled !== undefined);
  };
  const imageNames = async () => (await images()).map(({ metadata }) => metadata.name).sort();
  const onHosts = async () =>
    (await Promise.all(HOSTS.map((host) => world.daemons.appliancesOn(host)))).flat().sort();
  const templates = async () =>
    Object.fromEntries(
      (await world.appliances()).map(({ metadata, spec }) => [metadata.name, spec.template.name]),
    );
  const save = { state: 'Recalled', recall: { save: true } };

  it('keeps each disk as an image, removes VMs and addresses, and starts each replica from its own', async () => {
    await world.addTemplate('debian');
    await world.addPool('lan');
    await world.deploy('shop', {
      replicas: 2,
      network: { pool: 'lan' },
      disk: { data: { size: '16Mi' } },
      parameters: { env: { KEY: 's' } },
    });
    await settled('shop', 'Deployed');
    const before = await world.appliances();
    await world.change('shop', {}, save);
    const { status } = await settled('shop', 'Recalled');
    expectCondition(status?.conditions, 'Recalled', 'True', 'Recalled');
    expect(status).toMatchObject({ replicas: 0, savedReplicas: 2 });
    expect(status?.services?.[0]).toMatchObject({ state: 'Recalled', recall: 1, savedReplicas: 2 });
    expect([await names(), await onHosts(), await world.leases()]).toEqual([[], [], []]);
    expect(await imageNames()).toEqual(['shop-web-1', 'shop-web-1-1']);
    for (const { metadata, spec, status: found } of await images()) {
      expectStanding(found?.conditions, READY, 'Available');
      expect(found).toMatchObject({ parent: { name: 'debian', namespace: 'default' }, depth: 2 });
      const source = before.find((one) => one.metadata.name === spec.source.appliance?.name);
      expect(spec.recalled).toMatchObject({
        machine: source?.metadata.uid,
        parameters: { env: { KEY: 's' } },
      });
      expect(found?.layers?.data, 'of its second disk').toBeDefined();
      expect(metadata.ownerReferences).toBeUndefined();
    }
    await world.change('shop', {}, { state: 'Deployed' });
    const { status: again } = await settled('shop', 'Deployed');
    expect(await templates()).toEqual({ 'shop-web-0': 'shop-web-1', 'shop-web-1': 'shop-web-1-1' });
    expect(again?.services?.[0]).toMatchObject({ template: 'default/debian', image: 'default/shop-web-1' });
    expectCondition(again?.conditions, 'Recalled', 'False', 'Redeployed');
    // Each is the same machine again, and its service is not installed again.
    const machines = (await world.appliances()).map(({ spec, status: one }) => [
      spec.template.name,
      one?.steps,
    ]);
    expect(JSON.stringify(machines)).not.toContain('Identity');
  });

  it('starts new replicas from the first image, as machines of their own, and numbers the next recall on', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop');
    await settled('shop', 'Deployed');
    await world.change('shop', {}, save);
    await settled('shop', 'Recalled');
    await world.change('shop', {}, { state: 'Deployed', replicas: 2 });
    await settled('shop', 'Deployed');
    expect(await templates()).toEqual({ 'shop-web-0': 'shop-web-1', 'shop-web-1': 'shop-web-1' });
    const second = await world.appliance('shop-web-1');
    expect(second.status?.steps?.map(({ name }) => name)).toContain('Identity');
    await world.change('shop', {}, save);
    await settled('shop', 'Recalled');
    expect(await imageNames()).toEqual(['shop-web-1', 'shop-web-2', 'shop-web-2-1']);
    const [first, again, other] = await images();
    expect(again?.spec.recalled?.machine).toBe(first?.spec.recalled?.machine);
    expect(other?.spec.recalled?.machine).toBe(second.metadata.uid);
  });

  it('is of one service of two, and taken back with what there is', async () => {
    await world.addTemplate('debian');
    const service = (name: string, state?: string) => ({
      ...{ name, template: { name: 'debian' }, ...(state === undefined ? {} : { state }) },
    });
    await world.deploy('shop', {}, { services: [service('web'), service('db')] });
    await settled('shop', 'Deployed');
    const services = [service('web'), service('db', 'Recalled')];
    const patch = (spec: object) =>
      world.kube.patch(SERVICE_DEPLOYMENTS, { namespace: 'default', name: 'shop' }, { spec });
    await patch({ services, recall: { save: true } });
    await eventually('the service is recalled', async () => {
      const { status } = await world.deployment('shop');
      expectCondition(status?.conditions, 'Recalled', 'True', 'ServicesRecalled');
    });
    await settled('shop', 'Deployed');
    expect([await names(), await imageNames()]).toEqual([['shop-web-0'], ['shop-db-1']]);
    await patch({ services: [service('web'), service('db')] });
    await settled('shop', 'Deployed');
    expect(await templates()).toEqual({ 'shop-web-0': 'debian', 'shop-db-0': 'shop-db-1' });
  });

  it('waits for as many copies as it asks for, and is taken back meanwhile with the same VM', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop');
    await settled('shop', 'Deployed');
    const [{ metadata: before } = { metadata: undefined }] = await world.appliances();
    await world.change('shop', {}, { state: 'Recalled', recall: { save: true, minCopies: 3 } });
    await eventually('it is sealed', async () => {
      const [image] = await images();
      expect(image?.status?.layers?.disk).toBeDefined();
    });
    await eventually('it tells how far it is', async () => {
      const { status } = await world.deployment('shop');
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      expect(ready).toMatchObject({
        reason: 'Recalling',
        message: expect.stringContaining('1 image(s) being made'),
      });
    });
    expect(await names()).toEqual(['shop-web-0']);
    await world.change('shop', {}, { state: 'Deployed' });
    await settled('shop', 'Deployed');
    const [after] = await world.appliances();
    expect(after?.metadata.uid).toBe(before?.uid);
    expect(after?.metadata.annotations).toEqual(before?.annotations);
    expect(after?.spec.template.name).toBe('debian');
  });

  it('goes on with the template that its author asks for by now, and says so', async () => {
    await world.addTemplate('debian');
    await world.addTemplate('alpine');
    await world.deploy('shop');
    await settled('shop', 'Deployed');
    await world.change('shop', {}, save);
    await settled('shop', 'Recalled');
    await world.change('shop', { template: { name: 'alpine' } }, { state: 'Deployed' });
    const { status } = await settled('shop', 'Deployed');
    expect(await templates()).toEqual({ 'shop-web-0': 'alpine' });
    const message = expectCondition(status?.conditions, 'Recalled', 'False', 'ImagesNotUsed');
    expect(message).toContain('another template');
    expect(await imageNames()).toEqual(['shop-web-1']);
  });

  it('is of many appliances at once, and images outlive their task', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 24 });
    await settled('shop', 'Deployed');
    await world.change('shop', {}, save);
    const { status } = await settled('shop', 'Recalled');
    expect(status?.savedReplicas).toBe(24);
    expect(await images()).toHaveLength(24);
    await world.removeDeployment('shop');
    await eventually('it is gone', async () => {
      expect((await world.kube.list(SERVICE_DEPLOYMENTS)).items).toEqual([]);
    });
    expect(await images()).toHaveLength(24);
    await world.deploy('shop', { replicas: 2 });
    await settled('shop', 'Deployed');
    expect(await templates()).toEqual({ 'shop-web-0': 'shop-web-1', 'shop-web-1': 'shop-web-1-1' });
  });

  it('waits for hosts that do not answer, and loses nothing meanwhile', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop');
    await settled('shop', 'Deployed');
    await world.daemons.stop('host-a');
    await world.daemons.stop('host-b');
    await world.change('shop', {}, save);
    await eventually('it says what it waits for', async () => {
      const { status } = await world.deployment('shop');
      expect(status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('HostUnreachable');
    });
    expect(await names()).toEqual(['shop-web-0']);
    await world.daemons.restart('host-a');
    await world.daemons.restart('host-b');
    await settled('shop', 'Recalled');
    expect(await imageNames()).toEqual(['shop-web-1']);
    expect((await world.kube.list(VIRTUAL_APPLIANCES)).items).toEqual([]);
  });
});

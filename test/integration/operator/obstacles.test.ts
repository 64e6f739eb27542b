import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CONFIG_MAPS, HOSTS, TEMPLATES } from '../../../src/api/kinds.ts';
import { EVENTS } from '../../../src/kube/events/event-record.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import {
  expectCondition,
  expectStanding,
  READY,
  RECONCILING,
  STALLED,
} from '../../expectations/conditions.ts';
import { limitOperator } from '../../kubernetes/operator-account.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

describe('what is in the way', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a', { memoryBytes: 1024 ** 3 });
    await world.startOperator();
  });
  afterEach(() => world.clear());
  afterAll(() => world.stop());

  const available = (name: string) =>
    eventually(`${name} answers`, async () => {
      const found = await world.appliance(name);
      expectStanding(found.status?.conditions, READY, 'ServiceAvailable');
      return found;
    });
  const saysOfTask = (name: string, standing: typeof STALLED | typeof RECONCILING, reason: string) =>
    eventually(`${name} says ${reason}`, async () =>
      expectStanding((await world.deployment(name)).status?.conditions, standing, reason),
    );
  const saysOfAppliance = (name: string, standing: typeof STALLED | typeof RECONCILING, reason: string) =>
    eventually(`${name} says ${reason}`, async () =>
      expectStanding((await world.appliance(name)).status?.conditions, standing, reason),
    );

  it('an unknown template is waited for', async () => {
    await world.deploy('shop');
    expect(await saysOfTask('shop', RECONCILING, 'TemplateNotFound')).toContain(
      'default/debian does not exist',
    );
    expect(await world.appliances()).toEqual([]);
    await world.addTemplate('debian');
    await available('shop-web-0');
  });

  it('a template of another namespace has to be shared', async () => {
    await world.addNamespace('images');
    const { metadata } = await world.addTemplate('debian', { namespace: 'images' });
    await world.deploy('shop', { template: { name: 'debian', namespace: 'images' } });
    expect(await saysOfTask('shop', RECONCILING, 'TemplateNotFound')).toContain(
      'images/debian does not exist, or is not shared with namespace default',
    );
    const name = { namespace: 'images', name: metadata.name };
    await world.kube.patch(TEMPLATES, name, { spec: { sharing: { scope: 'Cluster' } } });
    await available('shop-web-0');
  });

  it('a request that fits no host says why for each, and is placed when a host with room appears', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { resources: { cpu: '1', memory: '2Gi' } });
    expect(await saysOfTask('shop', RECONCILING, 'NoHostFits')).toContain('host-a has too little memory');
    const { status } = await world.appliance('shop-web-0');
    expectCondition(status?.conditions, 'Placed', 'False', 'NoHostFits');
    expect(status?.placement?.reasons).toEqual([
      { host: 'host-a', reason: expect.stringContaining('too little memory') },
    ]);
    await world.addHost('host-big');
    const placed = await available('shop-web-0');
    expect(placed.spec.hostName).toBe('host-big');
    expectCondition(placed.status?.conditions, 'Placed', 'True', 'Placed');
    expect(placed.status?.placement).toEqual({
      message: 'host-big is the only one of 2 hosts that qualified',
      placedTime: expect.any(String),
      reasons: [{ host: 'host-a', reason: expect.stringContaining('too little memory') }],
    });
    await world.clear();
    await world.removeHost('host-big');
  });

  it('a host that was set by hand and does not exist is waited for', async () => {
    await world.addTemplate('debian');
    await world.addAppliance('by-hand', { hostName: 'nowhere' });
    expect(await saysOfAppliance('by-hand', RECONCILING, 'HostNotFound')).toContain(
      'nowhere is not registered',
    );
    await world.annotate('by-hand', { 'coppice.dev/force-delete': 'true' });
  });

  it('a missing ConfigMap is waited for, and its changes are carried out', async () => {
    await world.addTemplate('debian');
    await world.addAppliance('web', { package: { configMap: { name: 'files' } } });
    expect(await saysOfAppliance('web', RECONCILING, 'ConfigMapNotFound')).toContain('default/files');
    const metadata = { name: 'files', namespace: 'default' };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'index.html': 'hello' } };
    await world.kube.create(CONFIG_MAPS, object);
    const { uid = '' } = (await available('web')).metadata;
    const installed = (text: string) =>
      eventually(`${text} is installed`, async () => {
        expect(await world.daemons.guestFile('host-a', uid, 'index.html')).toBe(text);
        await available('web');
      });
    await installed('hello');
    for (const text of ['hello again', 'and again']) {
      await world.kube.patch(CONFIG_MAPS, metadata, { data: { 'index.html': text } });
      await installed(text);
    }
    await world.kube.patch(CONFIG_MAPS, metadata, { data: { 'index.html': 'x'.repeat(600_000) } });
    expect(await saysOfAppliance('web', STALLED, 'PackageTooLarge')).toContain('default/files');
    await world.kube.patch(CONFIG_MAPS, metadata, { data: { 'index.html': 'goodbye' } });
    await installed('goodbye');
    await world.kube.delete(CONFIG_MAPS, metadata);
    await saysOfAppliance('web', RECONCILING, 'ConfigMapNotFound');
    expect(await world.daemons.guestFile('host-a', uid, 'index.html')).toBe('goodbye');
  });

  it('a ConfigMap that the operator may not read is reported, and tried again', async () => {
    await world.addTemplate('debian');
    await world.addAppliance('web', { package: { configMap: { name: 'files' } } });
    await limitOperator(
      world.kube,
      ({ resource, verbs }) => resource.plural !== 'configmaps' || !verbs.includes('get'),
    );
    try {
      const metadata = { name: 'files', namespace: 'default' };
      const data = { 'index.html': 'hello' };
      await world.kube.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
      expect(await saysOfAppliance('web', RECONCILING, 'ConfigMapRefused')).toContain('forbidden');
    } finally {
      await limitOperator(world.kube, () => true);
    }
    await available('web');
  });

  it('a wrong sha256 is reported on the template, the appliance and the task', async () => {
    await world.addTemplate('debian', { sha256: 'b'.repeat(64) });
    await world.deploy('shop');
    expect(await saysOfTask('shop', STALLED, 'DigestMismatch')).toContain('shop-web-0');
    await saysOfAppliance('shop-web-0', STALLED, 'DigestMismatch');
    const { status } = await eventually('the template says so', async () => {
      const found = await world.kube.get(TEMPLATES, { namespace: 'default', name: 'debian' });
      expectCondition(found.status?.conditions, 'Ready', 'False', 'DigestMismatch');
      return found;
    });
    expect(status?.conditions?.[0]?.message).toContain('host-a');
  });

  it('templates of strangers with the same digest, of other kinds and with dead sources, hold nobody up', async () => {
    await world.addNamespace('strangers');
    const sha256 = createHash('sha256').update(aBootableDisk('default/debian')).digest('hex');
    const dead = { url: 'http://127.0.0.1:1/of-a-stranger', sha256 };
    const other = { url: 'http://127.0.0.1:1/another', sha256: 'c'.repeat(64) };
    const distribution = { mode: 'Copy', minCopies: 1 };
    await world.addTemplate('dead', {
      namespace: 'strangers',
      spec: { source: { image: dead }, distribution },
    });
    const boot = { kernel: dead, commandLine: 'quiet' };
    const guest = { os: 'linux', agent: 'qemu-guest-agent', boot };
    await world.addTemplate('kernel', {
      namespace: 'strangers',
      spec: { source: { image: other }, guest, distribution },
    });
    await eventually('the host has the strangers’ files', async () => {
      expect(await world.daemons.importsOn('host-a')).toEqual(expect.arrayContaining([sha256, other.sha256]));
    });
    const standing = async (name: string, namespace: string) =>
      JSON.stringify((await world.kube.get(TEMPLATES, { name, namespace })).status);
    await eventually('the stranger reads of its own source', async () =>
      expect(await standing('dead', 'strangers')).toContain('127.0.0.1:1'),
    );
    const mine = await world.addTemplate('debian');
    expect(mine.spec.source.image?.sha256).toBe(sha256);
    await world.deploy('shop');
    await available('shop-web-0');
    expect(await standing('debian', 'default')).not.toContain('127.0.0.1:1');
    const events = await world.kube.list(EVENTS, { namespace: 'default' });
    expect(JSON.stringify(events)).not.toContain('127.0.0.1:1');
    expect(JSON.stringify(await world.host('host-a'))).not.toMatch(/of-a-stranger|another|file:/);
    await eventually('the stranger reads of its own source', async () =>
      expect(await standing('kernel', 'strangers')).toContain('127.0.0.1:1'),
    );
    expect(await standing('kernel', 'strangers')).not.toContain('file:');
  });

  it('two appliances that ask for one port of a host: one gets it, the other says so until it is free', async () => {
    await world.addTemplate('debian');
    const hostPort = await world.freePort();
    const network = { ports: [{ name: 'admin', port: 9000, hostPort }] };
    await world.addAppliance('first', { network });
    await available('first');
    await world.addAppliance('second', { network });
    await saysOfAppliance('second', RECONCILING, 'PortInUse');
    const second = await world.appliance('second');
    expect(second.spec.hostName, 'it is bound where it can start, and nowhere before').toBeUndefined();
    expect(second.status?.placement?.message).toContain(
      `host-a does not have port ${hostPort} free: it is in use by appliance default/first`,
    );
    await world.removeAppliance('first');
    await available('second');
  });

  it('a port that a host of the same machine has given: the other host is none for it', async () => {
    await world.addHost('host-b', { memoryBytes: 1024 ** 3 });
    await world.addTemplate('debian');
    const ports = [{ name: 'admin', port: 9000, hostPort: await world.freePort() }];
    await world.deploy('shop', { replicas: 2, network: { ports } });
    await eventually('one has the port and the other waits', async () => {
      const found = await world.appliances();
      const bound = found.flatMap(({ spec }) => spec.hostName ?? []);
      expect(bound).toHaveLength(1);
      const [waiting] = found.filter(({ spec }) => spec.hostName === undefined);
      expectStanding(waiting?.status?.conditions, RECONCILING, 'PortInUse');
      expect(waiting?.status?.placement?.reasons).toContainEqual({
        host: bound[0] === 'host-a' ? 'host-b' : 'host-a',
        reason: expect.stringMatching(
          /in use by appliance default\/shop-web-\d on host-., a host of the same machine/,
        ),
      });
    });
    await world.removeDeployment('shop');
    await world.removeHost('host-b');
  });

  it('a deletion in the middle leaves nothing behind', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 3 });
    await eventually('one is bound', async () => {
      expect((await world.appliances()).some(({ spec }) => spec.hostName !== undefined)).toBe(true);
    });
    await world.removeDeployment('shop');
    await eventually('all are gone', async () => expect(await world.appliances()).toEqual([]));
    expect(await world.daemons.appliancesOn('host-a')).toEqual([]);
  });

  it('a template is deleted after those that stand on it, and the hosts drop its layer', async () => {
    const { spec } = await world.addTemplate('debian');
    const file = spec.source.image?.sha256 ?? '';
    await world.deploy('shop');
    await available('shop-web-0');
    const { status: imported } = await world.kube.get(TEMPLATES, { namespace: 'default', name: 'debian' });
    const layer = imported?.layers?.disk;
    const { hostName = '' } = (await world.appliance('shop-web-0')).spec;
    expect(await world.daemons.layersOn(hostName)).toContain(layer);
    await world.kube.delete(TEMPLATES, { namespace: 'default', name: 'debian' });
    await eventually('it says who holds it', async () => {
      const { status } = await world.kube.get(TEMPLATES, { namespace: 'default', name: 'debian' });
      expect(expectCondition(status?.conditions, 'Ready', 'False', 'InUse')).toContain('default/shop-web-0');
    });
    await world.removeDeployment('shop');
    await eventually('it is gone', async () => {
      expect(await world.kube.find(TEMPLATES, { namespace: 'default', name: 'debian' })).toBeUndefined();
    });
    for (const host of ['host-a', hostName]) {
      expect(await world.daemons.layersOn(host)).not.toContain(layer);
      expect(await world.daemons.importsOn(host)).not.toContain(file);
    }
  });

  it('a template is copied ahead to as many hosts as it asks for', async () => {
    await world.addTemplate('ahead', { spec: { distribution: { mode: 'Copy', minCopies: 3 } } });
    await eventually('a host holds it', async () => {
      const { status } = await world.kube.get(TEMPLATES, { namespace: 'default', name: 'ahead' });
      expect(status).toMatchObject({
        hostsReady: 1,
        layers: { disk: expect.stringMatching(/^[0-9a-f]{64}$/) },
        depth: 1,
      });
      expectStanding(status?.conditions, READY, 'Available');
    });
  });

  it('a host is deleted after its appliances', async () => {
    await world.addTemplate('debian');
    await world.addHost('host-c');
    await world.addAppliance('web', { placement: { hosts: ['host-c'] } });
    await available('web');
    await world.kube.delete(HOSTS, { name: 'host-c' });
    await eventually('it says who holds it', async () => {
      const { status } = await world.kube.get(HOSTS, { name: 'host-c' });
      expect(expectCondition(status?.conditions, 'Ready', 'False', 'InUse')).toContain('default/web');
    });
    await world.removeAppliance('web');
    await eventually('it is gone', async () => {
      expect(await world.kube.find(HOSTS, { name: 'host-c' })).toBeUndefined();
    });
  });
});

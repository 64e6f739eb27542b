import { lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findCondition } from '../../../src/api/conditions.ts';
import { TEMPLATES, type Template } from '../../../src/api/kinds.ts';
import { expectCondition, expectStanding, READY, RECONCILING } from '../../expectations/conditions.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const GIBI = 1024 ** 3;
const SHARED = { spec: { distribution: { mode: 'Shared' } } };

describe('a template of mode Shared', () => {
  let world: World;
  let exported: string;

  beforeAll(async () => {
    world = await World.start();
    exported = join(world.directory, 'exported');
    await mkdir(exported);
    // The emptiest, which would get everything, has no directory.
    await world.addHost('host-a', { memoryBytes: 64 * GIBI });
    for (const name of ['host-b', 'host-c']) await world.addHost(name, {}, { sharedDirectory: exported });
  });
  afterEach(async () => {
    await world.clear();
    await world.stopOperator();
  });
  afterAll(() => world.stop());

  const template = (name = 'debian'): Promise<Template> =>
    world.kube.get(TEMPLATES, { namespace: 'default', name });
  const layer = async (name?: string) => (await template(name)).status?.layers?.disk ?? '';
  const copies = async (identity: string) =>
    await readdir(join(exported, 'layers', identity)).catch(() => []);
  const fileOn = (host: string, identity: string) =>
    lstat(join(world.directory, host, 'layers', identity, 'disk.qcow2'));
  const isShared = (name?: string) =>
    eventually('it is in the directory', async () => {
      const { conditions } = (await template(name)).status ?? {};
      expectStanding(conditions, READY, 'Available');
      expect(findCondition(conditions, 'Ready')?.message).toContain('in the shared directory');
    });
  const runs = (name: string) =>
    eventually(`${name} runs`, async () =>
      expectStanding((await world.appliance(name)).status?.conditions, READY, 'ServiceAvailable'),
    );

  it('is there once, and appliances on all hosts with the directory stand on it; the last use takes it away', async () => {
    await world.startOperator();
    await world.addTemplate('debian', SHARED);
    await isShared();
    const identity = await layer();
    expect(await copies(identity)).toHaveLength(1);
    for (const host of ['host-b', 'host-c'])
      await world.addAppliance(`on-${host}`, { placement: { hosts: [host] } });
    // Without the directory, the emptiest host is not chosen.
    await world.addAppliance('anywhere');
    for (const name of ['on-host-b', 'on-host-c', 'anywhere']) await runs(name);
    expect((await world.appliance('anywhere')).spec.hostName).not.toBe('host-a');
    for (const host of ['host-b', 'host-c'])
      expect((await fileOn(host, identity)).isSymbolicLink()).toBe(true);
    expect(await copies(identity)).toHaveLength(1);
    expect(await world.daemons.layersOn('host-a')).toEqual([]);
    expect((await world.host('host-b')).status?.sharedDirectory).toBe(
      (await world.host('host-c')).status?.sharedDirectory,
    );
    await world.clear();
    expect(await readdir(join(exported, 'layers'))).toEqual([]);
  });

  it('is taken from the directory while the host that put it there is away, and not imported again', async () => {
    await world.startOperator();
    await world.addTemplate('debian', SHARED);
    await isShared();
    const identity = await layer();
    const [first, other] =
      (await world.daemons.layersOn('host-b')).length > 0 ? ['host-b', 'host-c'] : ['host-c', 'host-b'];
    await world.daemons.stop(first);
    try {
      await eventually('it is away', async () =>
        expectCondition((await world.host(first)).status?.conditions, 'Ready', 'False', 'HostUnreachable'),
      );
      await world.addAppliance('web');
      await runs('web');
      expect((await world.appliance('web')).spec.hostName).toBe(other);
      expect((await fileOn(other, identity)).isSymbolicLink()).toBe(true);
      expect(await world.daemons.importsOn(other)).toEqual([]);
    } finally {
      await world.daemons.restart(first);
    }
  });

  it('says which host lacks the directory when an appliance may go nowhere else', async () => {
    await world.startOperator();
    await world.addTemplate('debian', SHARED);
    await world.addAppliance('web', { placement: { hosts: ['host-a'] } });
    await eventually('it waits', async () => {
      const { conditions } = (await world.appliance('web')).status ?? {};
      expectStanding(conditions, RECONCILING, 'NoHostFits');
      expect(findCondition(conditions, 'Ready')?.message).toContain(
        'host-a shares no directory with other hosts',
      );
    });
  });

  it('may be the parent of one that is copied, which runs on a host without the directory', async () => {
    await world.startOperator();
    await world.addTemplate('debian', SHARED);
    await isShared();
    await world.addAppliance('base');
    await runs('base');
    const saved = { appliance: { name: 'base' } };
    await world.kube.create(TEMPLATES, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Template',
      metadata: { name: 'child', namespace: 'default' },
      spec: { source: saved, container: { type: 'static-site' } },
    } as never);
    await world.addAppliance('copied', { template: { name: 'child' }, placement: { hosts: ['host-a'] } });
    await runs('copied');
    const [parent, child] = [await layer(), await layer('child')];
    expect((await world.daemons.layersOn('host-a')).toSorted()).toEqual([parent, child].toSorted());
    expect((await fileOn('host-a', parent)).isSymbolicLink()).toBe(false);
    expect(await copies(child)).toEqual([]);
  });

  it('that was of mode Copy is put there when its mode changes, by all hosts that have it', async () => {
    await world.startOperator();
    await world.addTemplate('debian', { spec: { distribution: { minCopies: 3 } } });
    await eventually('all have a copy', async () => expect((await template()).status?.hostsReady).toBe(3));
    const distribution = { mode: 'Shared', minCopies: 0 };
    await world.kube.patch(TEMPLATES, { namespace: 'default', name: 'debian' }, { spec: { distribution } });
    await isShared();
    const identity = await layer();
    await eventually('both use it', async () => {
      for (const host of ['host-b', 'host-c'])
        expect((await fileOn(host, identity)).isSymbolicLink()).toBe(true);
    });
    expect(await copies(identity)).toHaveLength(1);
  });

  it('waits while no host has a directory, and is imported when one has', async () => {
    await world.startOperator();
    const away = `${exported}-away`;
    await rename(exported, away);
    await eventually('the hosts say so', async () => {
      for (const host of ['host-b', 'host-c'])
        expectCondition(
          (await world.host(host)).status?.conditions,
          'Ready',
          'True',
          'SharedDirectoryUnusable',
        );
    });
    await world.addTemplate('debian', SHARED);
    await eventually('it says so', async () =>
      expectStanding((await template()).status?.conditions, RECONCILING, 'NoSharedDirectory'),
    );
    await rename(away, exported);
    await isShared();
  });

  it('asks for no copies', async () => {
    const spec = { distribution: { mode: 'Shared', minCopies: 2 } };
    await expect(world.addTemplate('debian', { spec })).rejects.toThrow(
      'mode Shared copies nothing: leave minCopies out',
    );
  });
});

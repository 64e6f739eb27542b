import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findCondition } from '../../../src/api/conditions.ts';
import {
  CONFIG_MAPS,
  IP_LEASES,
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../../src/api/kinds.ts';
import {
  expectCondition,
  expectStanding,
  READY,
  RECONCILING,
  STALLED,
} from '../../expectations/conditions.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const GIBI = 1024 ** 3;
const FILES = { namespace: 'default', name: 'files' };
const FROM_FILES = { package: { configMap: { name: 'files' } } };

describe('a change of a task', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
    await world.addHost('host-b');
    await world.startOperator();
    await world.addTemplate('debian');
  });
  afterEach(async () => {
    await world.clear();
    await world.kube.delete(CONFIG_MAPS, FILES).catch(() => undefined);
    await world.addTemplate('debian');
  });
  afterAll(() => world.stop());

  const deployed = (): Promise<ServiceDeployment> =>
    eventually('the task is as declared', async () => {
      const found = await world.deployment('shop');
      expectStanding(found.status?.conditions, READY, 'Deployed');
      expect(found.status?.observedGeneration).toBe(found.metadata.generation);
      const { replicas, readyReplicas, services } = found.status ?? {};
      expect([readyReplicas, services?.[0]?.updatedReplicas]).toEqual([replicas, replicas]);
      return found;
    });
  const says = (standing: typeof STALLED | typeof RECONCILING, reason: string) =>
    eventually(`the task says ${reason}`, async () => {
      const { status } = await world.deployment('shop');
      return expectStanding(status?.conditions, standing, reason);
    });
  const writeFiles = (text: string, labels = {}) => {
    const metadata = { ...FILES, labels };
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'index.html': text } };
    return world.kube.apply(CONFIG_MAPS, configMap, { fieldManager: 'test' });
  };
  const revisions = async () =>
    (await world.appliances()).map(({ spec }) => spec.package?.configMap?.revision ?? 'none');
  /** Names of the ConfigMaps in which the task keeps contents. */
  const copies = async () => {
    const labelSelector = 'coppice.dev/service-deployment=shop';
    return (await world.kube.list(CONFIG_MAPS, { namespace: 'default', labelSelector })).items;
  };

  /** The most appliances that were away at once, as every written status tells, while the work is done. */
  async function mostAway(work: () => Promise<unknown>): Promise<number> {
    const stop = new AbortController();
    const known = new Map<string, boolean>();
    let most = 0;
    const { items, resourceVersion } = await world.kube.list(VIRTUAL_APPLIANCES, { namespace: 'default' });
    const note = (appliance: VirtualAppliance) => {
      known.set(appliance.metadata.name, isThere(appliance));
      most = Math.max(most, [...known.values()].filter((there) => !there).length);
    };
    for (const appliance of items) note(appliance);
    const watch = world.kube.watch(VIRTUAL_APPLIANCES, {
      namespace: 'default',
      resourceVersion,
      timeoutSeconds: 600,
      idleMs: 600_000,
      signal: stop.signal,
    });
    const watching = (async () => {
      for await (const event of watch) {
        if (event.type === 'ADDED' || event.type === 'MODIFIED') note(event.object as VirtualAppliance);
      }
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    try {
      await work();
    } finally {
      stop.abort();
      await watching;
    }
    return most;
  }

  /** It answers, and no change of it is under way. */
  function isThere({ metadata, status }: VirtualAppliance): boolean {
    const [ready, available] = ['Ready', 'Available'].map((type) => findCondition(status?.conditions, type));
    if (available?.status !== 'True') return false;
    return ready?.status === 'True' && ready.observedGeneration === metadata.generation;
  }

  it('of its environment, probe or content takes one appliance after the other', async () => {
    await writeFiles('one');
    await world.deploy('shop', { replicas: 3, ...FROM_FILES });
    await deployed();
    const most = await mostAway(async () => {
      for (const turn of [1, 2, 3]) {
        await world.change('shop', { parameters: { env: { TURN: `${turn}` } } });
        await deployed();
        await writeFiles(`content ${turn}`);
        await eventually('the content is noticed', async () => {
          expect(new Set(await revisions()).size, 'one content in the end').toBe(1);
          const [copy] = (await copies()).filter(({ data }) => data?.['index.html'] === `content ${turn}`);
          expect(await revisions()).toContain(copy?.metadata.name);
        });
        await deployed();
      }
    });
    expect(most).toBe(1);
  });

  it('of a ConfigMap rolls by its content alone, and only the content in use is kept', async () => {
    await writeFiles('one');
    await world.deploy('shop', { replicas: 2, ...FROM_FILES });
    await deployed();
    const [first] = await revisions();
    expect(await revisions()).toEqual([first, first]);
    expect(await copies()).toMatchObject([
      { immutable: true, data: { 'index.html': 'one' }, metadata: { name: first } },
    ]);
    const generations = async () => (await world.appliances()).map(({ metadata }) => metadata.generation);
    const before = await generations();
    await writeFiles('one', { edited: 'yes' });
    await writeFiles('two');
    await eventually('the other content is everywhere', async () => {
      await deployed();
      expect(await revisions()).not.toContain(first);
      expect((await copies()).map(({ data }) => data)).toEqual([{ 'index.html': 'two' }]);
    });
    expect(await generations(), 'one change each').toEqual(before.map((generation = 0) => generation + 1));
    for (const { metadata, spec } of await world.appliances()) {
      const file = world.daemons.guestFile(spec.hostName ?? '', metadata.uid ?? '', 'index.html');
      expect(await file).toBe('two');
    }
    await world.removeDeployment('shop');
    await eventually('nothing is left', async () => expect(await copies()).toEqual([]));
  });

  it('waits while a host is lost, and keeps both contents meanwhile', async () => {
    await writeFiles('one');
    await world.deploy('shop', { replicas: 2, ...FROM_FILES });
    await deployed();
    const [lost] = await world.appliances();
    const host = lost?.spec.hostName ?? '';
    await world.daemons.stop(host);
    try {
      await eventually('nothing is known of it', async () => {
        const { status } = await world.appliance(lost?.metadata.name ?? '');
        expectCondition(status?.conditions, 'Available', 'Unknown', 'HostUnreachable');
      });
      const before = await revisions();
      await writeFiles('two');
      await eventually('both are kept', async () => expect(await copies()).toHaveLength(2));
      expect(await revisions()).toEqual(before);
    } finally {
      await world.daemons.restart(host);
    }
    await eventually('only the other is kept', async () => expect(await copies()).toHaveLength(1));
    await deployed();
  });

  it('without its ConfigMap waits, while all that runs serves, and other changes go on one by one', async () => {
    await writeFiles('one');
    await world.deploy('shop', { replicas: 3, ...FROM_FILES });
    const { status } = await deployed();
    await world.kube.delete(CONFIG_MAPS, FILES);
    expect(await says(RECONCILING, 'ConfigMapNotFound')).toContain('default/files');
    const now = (await world.deployment('shop')).status;
    expect(now?.readyReplicas).toBe(3);
    expect(now?.services?.[0]?.accessPoints).toEqual(status?.services?.[0]?.accessPoints);
    for (const appliance of await world.appliances()) expect(isThere(appliance)).toBe(true);
    const most = await mostAway(async () => {
      await world.change('shop', { parameters: { env: { A: 'b' } } });
      await eventually('all have it', async () => {
        const found = await world.appliances();
        expect(found.map(({ spec }) => spec.parameters?.env?.A)).toEqual(['b', 'b', 'b']);
        expect(found.every(isThere)).toBe(true);
      });
    });
    expect(most).toBe(1);
    await writeFiles('x'.repeat(600_000));
    await says(STALLED, 'PackageTooLarge');
    expect((await world.deployment('shop')).status?.readyReplicas).toBe(3);
    await writeFiles('two');
    await deployed();
  });

  it('that does not come up keeps the others on what they have, is reported, and goes on once corrected', async () => {
    await world.deploy('shop', { replicas: 3 }, { progressDeadlineSeconds: 2 });
    await deployed();
    const url = 'file:///nowhere/package.tar';
    await world.change('shop', { package: { url, sha256: 'a'.repeat(64) } });
    const message = await eventually('the task makes no progress', async () => {
      const { status } = await world.deployment('shop');
      return expectCondition(status?.conditions, 'Progressing', 'False', 'ProgressDeadlineExceeded');
    });
    expect(message).toMatch(/2 s .*shop-web-2/);
    const changed = (await world.appliances()).filter(({ spec }) => spec.package?.url === url);
    expect(changed.map(({ metadata }) => metadata.name)).toEqual(['shop-web-2']);
    expectCondition(changed[0]?.status?.conditions, 'Available', 'True', 'ServiceAvailable');
    expect((await world.deployment('shop')).status).toMatchObject({
      readyReplicas: 3,
      services: [{ updatedReplicas: 0 }],
    });
    const inline = { files: { 'index.html': 'corrected' } };
    const most = await mostAway(async () => {
      await world.change('shop', { package: { inline, url: null, sha256: null } });
      await deployed();
    });
    expect(most).toBe(1);
    const { status } = await world.deployment('shop');
    expectCondition(status?.conditions, 'Progressing', 'True', 'Deployed');
  });

  it('of memory waits for room on the host, while the VM keeps running, also of an appliance made by hand', async () => {
    await world.addHost('host-small', { memoryBytes: 4 * GIBI });
    try {
      const spec = { hostName: 'host-small', resources: { cpu: '100m', memory: '1Gi' } };
      await world.addAppliance('one', spec);
      await world.addAppliance('two', spec);
      const resize = (name: string, memory: string) =>
        world.kube.patch(
          VIRTUAL_APPLIANCES,
          { namespace: 'default', name },
          { spec: { resources: { memory } } },
        );
      const untilThere = (name: string, memory: string) =>
        eventually(`${name} has ${memory}`, async () => {
          const found = await world.appliance(name);
          expect(isThere(found)).toBe(true);
          expect(found.status?.resources?.memory).toBe(memory);
          return found;
        });
      const { metadata, status } = await untilThere('one', '1Gi');
      await untilThere('two', '1Gi');
      await resize('one', '2500Mi');
      await eventually('it says what it waits for', async () => {
        const found = await world.appliance('one');
        const message = expectCondition(found.status?.conditions, 'Ready', 'False', 'ResizePending');
        expect(message).toContain('host-small lacks the room');
        expectCondition(found.status?.conditions, 'Available', 'True', 'ServiceAvailable');
        expect(found.status).toMatchObject({ url: status?.url, resources: { memory: '1Gi' } });
        expect((await world.host('host-small')).status?.promised?.memory).toBe('3524Mi');
      });
      await world.removeAppliance('two');
      const after = await untilThere('one', '2500Mi');
      expect(after.metadata.uid).toBe(metadata.uid);
      expect(after.status?.url).toBe(status?.url);
      await resize('one', '1Gi');
      await untilThere('one', '1Gi');
    } finally {
      await world.clear();
      await world.removeHost('host-small');
    }
  });

  it('destroys nothing when somebody overwrites labels, which are put back', async () => {
    await world.addPool('lan');
    await world.deploy('shop', { replicas: 3, network: { pool: 'lan' } });
    await deployed();
    const identities = async () =>
      (await world.appliances()).map(({ metadata: { name, uid, labels } }) => ({ name, uid, labels }));
    const before = await identities();
    const labelled = async () => (await world.leases()).map(({ metadata }) => metadata.labels);
    const leases = await labelled();
    const labels = {
      'coppice.dev/service': 'x',
      'coppice.dev/service-deployment': 'y',
      'coppice.dev/ordinal': '9',
      'coppice.dev/appliance-uid': 'z',
      'coppice.dev/pool-uid': 'z',
    };
    for (const { name } of before)
      await world.kube.patch(VIRTUAL_APPLIANCES, { namespace: 'default', name }, { metadata: { labels } });
    for (const { metadata } of await world.leases())
      await world.kube.patch(IP_LEASES, { name: metadata.name }, { metadata: { labels } });
    await eventually('the labels are back', async () => {
      expect(await identities()).toMatchObject(before);
      expect(await labelled()).toMatchObject(leases);
    });
    await deployed();
    expect((await identities()).map(({ uid }) => uid)).toEqual(before.map(({ uid }) => uid));
  });

  it('shows the truth also of a task that is deleted, and held by others', async () => {
    await world.deploy('shop', { replicas: 2 });
    await deployed();
    const name = { namespace: 'default', name: 'shop' };
    const hold = (finalizers: string[]) =>
      world.kube.patch(SERVICE_DEPLOYMENTS, name, { metadata: { finalizers } });
    await hold(['example.com/backup']);
    await world.kube.delete(SERVICE_DEPLOYMENTS, name);
    expect(await says(RECONCILING, 'Deleting')).toContain('example.com/backup');
    for (const { metadata } of await world.appliances()) await world.removeAppliance(metadata.name);
    await eventually('it has none', async () => {
      const { status } = await world.deployment('shop');
      expect(status).toMatchObject({ replicas: 0, readyReplicas: 0, services: [{ accessPoints: [] }] });
      expectCondition(status?.conditions, 'Ready', 'False', 'Deleting');
    });
    await hold([]);
  });

  it('leaves a truthful appliance that others hold after its VM is gone', async () => {
    await world.addAppliance('web');
    const name = { namespace: 'default', name: 'web' };
    await eventually('it answers', async () => expect(isThere(await world.appliance('web'))).toBe(true));
    const { finalizers = [] } = (await world.appliance('web')).metadata;
    const hold = (all: string[]) =>
      world.kube.patch(VIRTUAL_APPLIANCES, name, { metadata: { finalizers: all } });
    await hold([...finalizers, 'example.com/backup']);
    await world.removeAppliance('web');
    await eventually('its VM is gone', async () => {
      const { status } = await world.appliance('web');
      expect(status).toMatchObject({ serviceState: 'VMUnavailable', vm: { state: 'Absent' } });
      expectCondition(status?.conditions, 'Available', 'False', 'Deleting');
      expect(expectCondition(status?.conditions, 'Ready', 'False', 'Deleting')).toContain(
        'example.com/backup',
      );
    });
    await hold([]);
  });
});

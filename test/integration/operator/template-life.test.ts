import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findCondition } from '../../../src/api/conditions.ts';
import { HOSTS, TEMPLATES, type Template, VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import type { ObjectName, ResourceRef } from '../../../src/base/object.ts';
import { EVENTS } from '../../../src/kube/events/event-record.ts';
import { expectCondition, expectStanding, READY, RECONCILING } from '../../expectations/conditions.ts';
import { eventually } from './eventually.ts';
import { TIMINGS, World } from './world.ts';

const GIBI = 1024 ** 3;
/** A layer that nothing needs goes soon. */
const HASTY = { ...TIMINGS, layerGraceMs: 400 };

describe('the copies of a template', () => {
  let world: World;
  const HOST_NAMES = ['host-a', 'host-b', 'host-c', 'host-d'];

  beforeAll(async () => {
    world = await World.start();
    // The first has the most memory: it imports, and gets the appliances.
    for (const [index, name] of HOST_NAMES.entries())
      await world.addHost(name, { memoryBytes: (64 - 8 * index) * GIBI });
    for (const [name, group] of [
      ['host-a', 'left'],
      ['host-b', 'left'],
      ['host-c', 'right'],
    ])
      await world.kube.patch(HOSTS, { name: name ?? '' }, { spec: { group } });
  });
  afterEach(async () => {
    if (!world.hasOperator()) await world.startOperator();
    await world.clear();
    await world.stopOperator();
  });
  afterAll(() => world.stop());

  const template = (name = 'debian'): Promise<Template> =>
    world.kube.get(TEMPLATES, { namespace: 'default', name });
  const hostsHaving = async (layer: string | undefined) => {
    const found = await Promise.all(
      HOST_NAMES.map(async (name) =>
        (await world.daemons.layersOn(name)).includes(layer ?? '') ? [name] : [],
      ),
    );
    return found.flat();
  };
  const isOn = (...hosts: readonly string[]) =>
    eventually(`it is on ${hosts.join(', ')}`, async () =>
      expect(await hostsHaving((await template()).status?.layers?.disk)).toEqual(hosts),
    );
  const use = async (count: number, first = 0) => {
    for (let index = first; index < first + count; index++)
      await world.addAppliance(`web-${index}`, { placement: { hosts: ['host-a'] } });
  };
  const setBounds = (distribution: object) =>
    world.kube.patch(TEMPLATES, { namespace: 'default', name: 'debian' }, { spec: { distribution } });
  const forceAway = async (ref: ResourceRef, name: ObjectName) => {
    await world.kube.patch(ref, name, { metadata: { finalizers: null } });
    await world.kube.delete(ref, name);
  };
  const popularity = async () => (await template()).status?.popularity;

  it('become more the more appliances are made from it, in each group of hosts first', async () => {
    await world.startOperator();
    await world.addTemplate('debian');
    await isOn('host-a');
    await use(5);
    await isOn('host-a', 'host-c', 'host-d');
    expect((await popularity())?.value).toBeCloseTo(5, 2);
  });

  it('are as many as its importance and its limit say', async () => {
    await world.startOperator();
    await world.addTemplate('debian', { spec: { distribution: { importance: 100, maxCopies: 2 } } });
    await use(1);
    await isOn('host-a', 'host-c');
    await eventually('the operator is content', async () =>
      expect((await template()).status).toMatchObject({ hostsReady: 2, appliances: 1 }),
    );
  });

  it('are counted once, whichever operator counts', async () => {
    await world.startOperator();
    await world.addTemplate('debian');
    await use(2);
    await eventually('two count', async () => expect((await popularity())?.value).toBeCloseTo(2, 3));
    const before = await popularity();
    await world.stopOperator();
    await use(1, 2);
    await world.startOperator();
    await eventually('a third counts', async () => expect((await popularity())?.value).toBeCloseTo(3, 3));
    expect(before?.value).toBeCloseTo(2, 3);
    expect(Date.parse((await popularity())?.time ?? '')).toBeGreaterThan(Date.parse(before?.time ?? ''));
  });

  it('are withdrawn when they are too many, but not where an appliance needs one', async () => {
    await world.startOperator({ timings: HASTY });
    await world.addTemplate('debian', { spec: { distribution: { minCopies: 3 } } });
    await isOn('host-a', 'host-c', 'host-d');
    await world.addAppliance('web', { placement: { hosts: ['host-d'] } });
    await eventually('it runs', async () =>
      expectStanding((await world.appliance('web')).status?.conditions, READY, 'ServiceAvailable'),
    );
    await setBounds({ minCopies: 2, maxCopies: 2 });
    await isOn('host-a', 'host-d');
    await setBounds({ minCopies: 0, maxCopies: 1 });
    await isOn('host-d');
    await world.removeAppliance('web');
    await setBounds({ minCopies: 2, maxCopies: null });
    await isOn('host-a', 'host-d');
  });

  it('go with all that no template refers to, and stay where an unclaimed appliance uses one', async () => {
    await world.startOperator();
    await world.addTemplate('debian', { spec: { distribution: { minCopies: 2 } } });
    await world.addTemplate('other');
    await isOn('host-a', 'host-c');
    await world.addAppliance('web', { placement: { hosts: ['host-c'] } });
    await eventually('it runs', async () =>
      expectStanding((await world.appliance('web')).status?.conditions, READY, 'ServiceAvailable'),
    );
    const layer = (await template()).status?.layers?.disk;
    await world.stopOperator();
    // As if somebody had forced them away.
    const names = { namespace: 'default', name: 'debian' };
    await forceAway(VIRTUAL_APPLIANCES, { namespace: 'default', name: 'web' });
    await forceAway(TEMPLATES, names);
    await world.startOperator({ timings: HASTY });
    await eventually('it is where it is used', async () =>
      expect(await hostsHaving(layer)).toEqual(['host-c']),
    );
    await world.daemons.removeFrom('host-c', 'web');
    await eventually('it is gone', async () => expect(await hostsHaving(layer)).toEqual([]));
    const left = (await template('other')).status?.layers?.disk;
    expect(await hostsHaving(left)).toEqual(['host-a']);
    expect(await world.daemons.importsOn('host-a')).toHaveLength(1);
  });

  it('go with the seals that an operator left when it was killed, whose templates were forced away', async () => {
    await world.startOperator();
    await world.addTemplate('debian');
    await world.addAppliance('web', { placement: { hosts: ['host-a'] } });
    const runs = () =>
      eventually('it runs', async () => {
        const found = await world.appliance('web');
        expectStanding(found.status?.conditions, READY, 'ServiceAvailable');
        return found;
      });
    const { uid = '' } = (await runs()).metadata;
    await world.stopOperator();
    const layer = await world.daemons.sealOn('host-a', uid);
    expect(await hostsHaving(layer)).toEqual(['host-a']);
    await world.startOperator({ timings: HASTY });
    await world.stopOperator();
    await world.daemons.stop('host-a');
    await world.daemons.restart('host-a');
    await world.startOperator({ timings: HASTY });
    await eventually('seal and layer are gone', async () => {
      expect(await world.daemons.sealsOn('host-a')).toEqual([]);
      expect(await hostsHaving(layer)).toEqual([]);
    });
    await runs();
    await isOn('host-a');
  });

  it('go to the host of an appliance as soon as it has one, whatever else it waits for', async () => {
    await world.startOperator();
    await world.addTemplate('debian');
    await isOn('host-a');
    await world.addAppliance('web', {
      placement: { hosts: ['host-b'] },
      package: { configMap: { name: 'later' } },
    });
    await isOn('host-a', 'host-b');
    await eventually('it says what it waits for', async () =>
      expectStanding((await world.appliance('web')).status?.conditions, RECONCILING, 'ConfigMapNotFound'),
    );
  });
});

describe('a template that nothing uses', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    for (const name of ['host-a', 'host-b']) await world.addHost(name);
  });
  afterEach(async () => {
    if (!world.hasOperator()) await world.startOperator();
    await world.clear();
    await world.stopOperator();
  });
  afterAll(() => world.stop());

  const find = (name: string): Promise<Template | undefined> =>
    world.kube.find(TEMPLATES, { namespace: 'default', name });
  const isGone = (name: string) =>
    eventually(`template ${name} is gone`, async () => expect(await find(name)).toBeUndefined());
  const isExpiring = (name: string) =>
    eventually(`template ${name} is expiring`, async () =>
      expectCondition((await find(name))?.status?.conditions, 'Expiring', 'True', 'Unused'),
    );
  const isUsed = (name: string) =>
    eventually(`template ${name} is used`, async () => {
      const { conditions, unusedSince } = (await find(name))?.status ?? { conditions: undefined };
      expectStanding(conditions, READY, 'Available');
      expect([findCondition(conditions, 'Expiring'), unusedSince]).toEqual([undefined, undefined]);
    });
  const isUnused = (name: string) =>
    eventually(`template ${name} is unused`, async () =>
      expect((await find(name))?.status?.unusedSince).toBeDefined(),
    );
  const add = (name: string, coolDown: string, spec: object = {}) =>
    world.addTemplate(name, {
      spec: { lifecycle: { coolDown }, distribution: { minCopies: 2 }, ...spec },
    });
  const cool = (name: string, coolDown: string) =>
    world.kube.patch(TEMPLATES, { namespace: 'default', name }, { spec: { lifecycle: { coolDown } } });
  const noted = (name: string, status: object) =>
    world.kube.patch(TEMPLATES, { namespace: 'default', name }, { status }, { subresource: 'status' });
  const layersLeft = async () =>
    (await Promise.all(['host-a', 'host-b'].map((name) => world.daemons.layersOn(name)))).flat().length;

  it('says when it goes, then goes with all its copies, and tells how much room that gives', async () => {
    await world.startOperator();
    await add('debian', '1h');
    await add('kept', '2s', { lifecycle: { coolDown: '2s', retain: true } });
    await eventually('both are on two hosts', async () => expect(await layersLeft()).toBe(4));
    const { uid } = (await find('debian'))?.metadata ?? {};
    await cool('debian', '6s');
    expect(await isExpiring('debian')).toMatch(/it is removed, with all its copies, at 20\d\d-.*Z, unless/);
    await isGone('debian');
    expect(await layersLeft()).toBe(2);
    expect((await find('kept'))?.status).toMatchObject({ hostsReady: 2 });
    await eventually('an Event says it', async () => {
      const { items } = await world.kube.list(EVENTS, { namespace: 'default' });
      const said = items.filter(({ involvedObject }) => involvedObject.uid === uid);
      expect(said.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['Unused', 'SpaceFreed']));
      expect(said.find(({ reason }) => reason === 'SpaceFreed')?.message).toMatch(
        /deleted from 2 host\(s\), which gives \d+\w* of disk space back/,
      );
    });
  });

  it('stays when a task, an appliance or a child comes to use it, and as long as that is there', async () => {
    await world.startOperator();
    await world.deploy('shop', { template: { name: 'debian' } }, { state: 'Recalled' });
    await add('debian', '1h');
    await isUsed('debian');
    await world.removeDeployment('shop');
    await isUnused('debian');
    await noted('debian', { unusedSince: new Date(Date.now() - 2_400_000).toISOString() });
    await isExpiring('debian');
    await world.addAppliance('web');
    await isUsed('debian');
    const source = { parent: { name: 'debian' }, build: { steps: [{ run: 'true' }] } };
    await world.addTemplate('child', { spec: { source } });
    await world.removeAppliance('web');
    await eventually('the appliance is gone', async () =>
      expect((await world.appliances()).map(({ metadata }) => metadata.name)).not.toContain('web'),
    );
    await isUsed('debian');
    await world.kube.delete(TEMPLATES, { namespace: 'default', name: 'child' });
    await isUnused('debian');
    await cool('debian', '2s');
    await isGone('debian');
  });

  it('goes at its date whichever operator is there, and not before that was said', async () => {
    await world.startOperator();
    await add('said', '1h');
    await add('unsaid', '1h');
    await eventually('both are on two hosts', async () => expect(await layersLeft()).toBe(4));
    await world.stopOperator();
    const date = 1000 * Math.ceil(Date.now() / 1000 + 2);
    const at = (hours: number) => new Date(date + hours * 3_600_000).toISOString().replace('.000Z', 'Z');
    const old = (await find('said'))?.status?.conditions ?? [];
    const said = { type: 'Expiring', status: 'True', reason: 'Unused', message: '' };
    await noted('said', {
      unusedSince: at(-1),
      conditions: [...old, { ...said, lastTransitionTime: at(-0.5) }],
    });
    await noted('unsaid', { unusedSince: at(-2) });
    await world.startOperator();
    await isGone('said');
    expect(Date.now()).toBeGreaterThanOrEqual(date);
    await isExpiring('unsaid');
    expect(await layersLeft()).toBe(2);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HOSTS, TEMPLATES, type Template } from '../../../src/api/kinds.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const GIBI = 1024 ** 3;

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
});

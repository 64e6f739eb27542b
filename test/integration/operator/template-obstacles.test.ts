import { execFileSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TEMPLATES, type Template } from '../../../src/api/kinds.ts';
import { EVENTS } from '../../../src/kube/events/event-record.ts';
import { expectStanding, READY, RECONCILING, STALLED } from '../../expectations/conditions.ts';
import { itUnless } from '../../skip.ts';
import { cannotMount, fill } from '../hostd/small-disk.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const DISK_BYTES = 8 * 1024 * 1024;
const IN_SERIES = { series: 'debian', version: '1' };

describe('what is wrong with the source of a template', () => {
  let world: World;
  let disk: string;

  beforeAll(async () => {
    world = await World.start();
    disk = join(world.directory, 'host-a');
    await mkdir(disk);
    if (cannotMount === undefined)
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'coppice-test', disk]);
    await world.addHost('host-a');
    await world.addNamespace('images');
    await world.startOperator();
  });
  afterEach(() => world.clear());
  afterAll(async () => {
    if (cannotMount === undefined) execFileSync('umount', ['--lazy', disk]);
    await world.stop();
  });

  const nameOf = (name: string) => ({ namespace: 'default', name });
  const addFrom = (name: string, source: object): Promise<Template> =>
    world.addTemplate(name, { spec: { source } });
  const addOn = (name: string, parent: object) =>
    addFrom(name, { parent, build: { steps: [{ run: 'true' }] } });
  const says = (name: string, standing: typeof READY | typeof RECONCILING | typeof STALLED, reason: string) =>
    eventually(`${name} says ${reason}`, async () => {
      const { status } = await world.kube.get(TEMPLATES, nameOf(name));
      return expectStanding(status?.conditions, standing, reason);
    });
  const allGone = () =>
    eventually('all templates are gone', async () =>
      expect((await world.kube.list(TEMPLATES, { namespace: 'default' })).items).toEqual([]),
    );

  it('a circle of parents has a sentence with a way out of it, and can be deleted whole', async () => {
    await addOn('a', { name: 'b' });
    expect(await says('a', RECONCILING, 'ParentNotFound')).toMatch(
      /default\/b, .* does not exist: create it/,
    );
    await addOn('b', { name: 'c' });
    await addOn('c', { name: 'a' });
    for (const name of ['a', 'b', 'c'])
      expect(await says(name, STALLED, 'ParentCycle')).toMatch(/ → .*is a circle.* delete one of them/);
    await eventually('an Event says so', async () => {
      const { items } = await world.kube.list(EVENTS, { namespace: 'default' });
      expect(items.find(({ reason }) => reason === 'ParentCycle')).toMatchObject({
        type: 'Warning',
        message: expect.stringContaining('is a circle'),
      });
    });
    for (const name of ['a', 'b', 'c']) await world.kube.delete(TEMPLATES, nameOf(name));
    await allGone();
  });

  it('the thirteenth of those that stand on each other reads that one can be made flat', async () => {
    await world.addTemplate('t1');
    for (let depth = 2; depth <= 13; depth += 1) await addOn(`t${depth}`, { name: `t${depth - 1}` });
    expect(await says('t13', STALLED, 'ChainTooDeep')).toContain('(coppice template flatten)');
  });

  it('a parent that is not shared looks like none, by its name and as one of a series, until it is', async () => {
    await world.addTemplate('debian', { namespace: 'images', spec: IN_SERIES });
    await addOn('by-name', { name: 'debian', namespace: 'images' });
    await addOn('by-series', { series: 'debian', namespace: 'images' });
    await addFrom('flat', { flattened: { name: 'debian', namespace: 'images' } });
    const hint = /or is not shared with namespace default: create it, or have its owner set spec.sharing/;
    expect(await says('by-name', RECONCILING, 'ParentNotFound')).toMatch(hint);
    expect(await says('by-series', RECONCILING, 'TemplateNotFound')).toContain(
      'share one with this namespace',
    );
    expect(await says('flat', RECONCILING, 'TemplateNotFound')).toMatch(hint);
    const sharing = { scope: 'Cluster' };
    await world.kube.patch(TEMPLATES, { namespace: 'images', name: 'debian' }, { spec: { sharing } });
    for (const name of ['by-name', 'by-series', 'flat']) await says(name, READY, 'Available');
  });

  it('a parent that is deleted waits for its child, and another template gets the advice to take another one', async () => {
    await world.addTemplate('debian');
    await addOn('child', { name: 'debian' });
    await says('child', READY, 'Available');
    await world.kube.delete(TEMPLATES, nameOf('debian'));
    expect(await says('debian', RECONCILING, 'InUse')).toContain('held by 1 template (default/child)');
    await addOn('late', { name: 'debian' });
    expect(await says('late', RECONCILING, 'TemplateDeleting')).toContain('on another parent');
    await says('child', READY, 'Available');
    for (const name of ['late', 'child']) await world.kube.delete(TEMPLATES, nameOf(name));
    await allGone();
  });

  itUnless(cannotMount, 'a host without space says so, and makes the layer once it has some', async () => {
    await world.addTemplate('debian');
    await world.addAppliance('web');
    await eventually('web answers', async () =>
      expectStanding((await world.appliance('web')).status?.conditions, READY, 'ServiceAvailable'),
    );
    const hog = join(disk, 'hog');
    await fill(hog);
    await addFrom('golden', { appliance: { name: 'web' } });
    expect(await says('golden', RECONCILING, 'DiskFull')).toMatch(
      /^host host-a cannot seal the disk of appliance default\/web: .*free some space/,
    );
    await rm(hog);
    await says('golden', READY, 'Available');
  });
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { urlOf } from '../e2e/tasks.ts';
import type { RunningVm } from './bed.ts';
import { peer, TEXT, web } from './services.ts';
import type { Given } from './suite.ts';
import type { World } from './world.ts';

/** One task through its life: it grows, shrinks, loses a guest, and loses its host for a while. */
export function story(given: Given): void {
  describe('a task through its life', () => {
    it('is available at its URLs: from outside, from its host, and from another VM', async () => {
      const world = given();
      await world.apply('shop', web(), peer());
      const [looker, site] = inOrder(await world.untilAvailable('shop', 2));
      await expectServed(world, site);
      expect(await world.bed.fetch(urlOf(site))).toBe(TEXT);
      const { hostname } = new URL(urlOf(site));
      expect(await world.fetch(urlOf(looker), `cgi-bin/fetch?${hostname}`)).toBe(TEXT);
      expect(await uuids(world)).toEqual(uidsOf([looker, site]));
    });

    it('has two appliances on one base, each with an overlay of its own', async () => {
      const world = given();
      const [one, other] = await Promise.all(
        uidsOf(await world.appliances('shop')).map((uuid) => backingFile(world, uuid)),
      );
      expect(one).toMatch(/disk\.qcow2$/);
      expect(one).toContain(join(world.bed.stateDirectory, 'layers'));
      expect(other).toBe(one);
    });

    it('grows to more appliances, and those that were there are not touched', async () => {
      const world = given();
      const before = await world.bed.vms();
      await world.apply('shop', web({ replicas: 2 }), peer());
      const appliances = await world.untilAvailable('shop', 3);
      for (const site of appliances.filter(isSite)) await expectServed(world, site);
      expect(await world.bed.vms()).toEqual(expect.arrayContaining([...before]));
      expect(await uuids(world)).toEqual(uidsOf(appliances));
    });

    it('shrinks again, and nothing is left of the one that goes', async () => {
      const world = given();
      const before = await world.bed.vms();
      await world.apply('shop', web(), peer());
      const uids = await world.eventually('one is gone', async () => {
        const left = uidsOf(await world.appliances('shop'));
        expect(left).toHaveLength(2);
        return left;
      });
      await world.untilAvailable('shop', 2);
      expect(await world.bed.vms()).toEqual(before.filter(({ uuid }) => uids.includes(uuid)));
      const folders = await world.bed.run(['ls', join(world.bed.stateDirectory, 'appliances')]);
      expect(folders.trim().split('\n').sort()).toEqual(uids);
    });

    it('restarts a guest that crashes', async () => {
      const world = given();
      const [looker] = inOrder(await world.appliances('shop'));
      const uuid = uidsOf([looker])[0];
      const before = await vmOf(world, uuid);
      // Its kernel is dead before it has answered.
      await expect(world.fetch(urlOf(looker), 'cgi-bin/panic')).rejects.toThrow();
      await world.eventually('another VM runs in its place', async () => {
        expect((await vmOf(world, uuid)).incarnation).not.toBe(before.incarnation);
      });
      await world.untilAvailable('shop', 2);
      await expectLooking(world);
    });

    it('comes back when its host was down', async () => {
      const world = given();
      const before = await world.bed.vms();
      await world.bed.reboot();
      expect(await world.bed.vms()).toEqual([]);
      await world.restartDaemon();
      await world.eventually('its VMs run again', async () => {
        const now = await world.bed.vms();
        expect(now.map(({ uuid }) => uuid)).toEqual(before.map(({ uuid }) => uuid));
      });
      await world.untilAvailable('shop', 2);
      await expectLooking(world);
    });

    it('goes, and nothing of it is left', async () => {
      const world = given();
      await world.remove('shop');
      expect(await world.bed.vms()).toEqual([]);
    });
  });
}

const isSite = ({ metadata }: VirtualAppliance) => metadata.name.includes('-web-');

/** The one that looks at others, then the site. */
function inOrder(appliances: readonly VirtualAppliance[]): [VirtualAppliance, VirtualAppliance] {
  const [looker, site] = appliances;
  if (looker === undefined || site === undefined) throw new Error('two appliances are wanted');
  return [looker, site];
}

function uidsOf(appliances: readonly VirtualAppliance[]): string[] {
  return appliances.map(({ metadata }) => metadata.uid ?? '').sort();
}

async function uuids({ bed }: World): Promise<readonly string[]> {
  return (await bed.vms()).map(({ uuid }) => uuid);
}

async function vmOf({ bed }: World, uuid: string | undefined): Promise<RunningVm> {
  const found = (await bed.vms()).find((vm) => vm.uuid === uuid);
  if (found === undefined) throw new Error(`VM ${uuid} does not run`);
  return found;
}

async function expectServed(world: World, site: VirtualAppliance): Promise<void> {
  await world.eventually(`${urlOf(site)} answers outside`, async () => {
    expect(await world.fetch(urlOf(site))).toBe(TEXT);
  });
}

/** The two of the task reach each other, and are reached. */
async function expectLooking(world: World): Promise<void> {
  const [looker, site] = inOrder(await world.appliances('shop'));
  const { hostname } = new URL(urlOf(site));
  await world.eventually('one VM reaches the other', async () => {
    expect(await world.fetch(urlOf(looker), `cgi-bin/fetch?${hostname}`)).toBe(TEXT);
  });
}

async function backingFile({ bed }: World, uuid: string): Promise<string> {
  const overlay = join(bed.stateDirectory, 'appliances', uuid, 'disk.qcow2');
  const text = await bed.run(['qemu-img', 'info', '-U', '-f', 'qcow2', '--output=json', overlay]);
  return (JSON.parse(text) as { readonly 'full-backing-filename': string })['full-backing-filename'];
}

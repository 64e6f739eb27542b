import { describe, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { SERVICE_DEPLOYMENTS, TEMPLATES, type Template, type VirtualAppliance } from '../../src/api/kinds.ts';
import { manifest, urlOf, type WrittenService } from '../e2e/tasks.ts';
import { notes, web } from './services.ts';
import type { Given } from './suite.ts';
import type { World } from './world.ts';

const TASK = 'memo';
/** Shorter than the world's patience, which is for VMs that boot. */
const LOOK_MS = 500;

/** Who a guest is, as it says itself. */
interface Who {
  readonly hostname: string;
  readonly machine: string;
  readonly mac: string;
  /** How often its service was installed. */
  readonly installed: string;
}

/** A task is recalled with what its guests have written, and goes on with that. */
export function recall(given: Given): void {
  describe('a recall', () => {
    let before: Who;

    it('of one service of two keeps what its guest wrote, and frees its VM and its address', async () => {
      const world = given();
      await declare(world, [notes(), web()]);
      const [memo] = await world.untilAvailable(TASK, 2);
      await write(world, memo, 'first');
      before = await who(world, memo);
      await declare(world, [notes({ state: 'Recalled' }), web()]);
      await untilRecalled(world, 'ServicesRecalled');
      const left = await world.appliances(TASK);
      expect(left.map(({ metadata }) => metadata.name)).toEqual([`${TASK}-web-0`]);
      expect((await world.bed.vms()).map(({ uuid }) => uuid)).toEqual([left[0]?.metadata.uid]);
      expect(await world.leases()).toHaveLength(1);
      const [image] = await images(world);
      expect(image?.metadata.name).toBe(`${TASK}-notes-1`);
      expect(image?.spec).toMatchObject({
        series: `${TASK}-notes`,
        version: '1',
        recalled: { shutdown: 'Clean' },
      });
      expect(image?.status).toMatchObject({ depth: 2, parent: { name: 'commands' } });
    });

    it('ends with the same machine and its data, and further ones that are none of it', async () => {
      const world = given();
      await declare(world, [notes({ replicas: 2 }), web()]);
      const [memo, other] = await world.untilAvailable(TASK, 3);
      expect(await read(world, memo)).toBe('first\n');
      expect(await who(world, memo)).toEqual(before);
      expect(await read(world, other)).toBe('first\n');
      const another = await who(world, other);
      expect(another.hostname).toBe(`${TASK}-notes-1`);
      expect(another.machine).toMatch(/^[0-9a-f]{32}$/);
      expect(another.machine).not.toBe(before.machine);
      expect(another.mac).not.toBe(before.mac);
    });

    it('of the whole task is the next version, though the daemon is killed meanwhile', async () => {
      const world = given();
      const [memo, other] = await world.appliances(TASK);
      await write(world, memo, 'second');
      await write(world, other, 'of its own');
      await declare(world, [notes({ replicas: 2 }), web()], 'Recalled');
      await world.eventually(
        'it is being recalled',
        async () => expect(await images(world)).not.toHaveLength(1),
        LOOK_MS,
      );
      await world.bed.killDaemon();
      await world.restartDaemon();
      await untilRecalled(world, 'Recalled');
      expect([await world.bed.vms(), await world.leases()]).toEqual([[], []]);
      const names = (await images(world)).map(({ metadata }) => metadata.name);
      expect(names).toEqual(['notes-1', 'notes-2', 'notes-2-1', 'web-1'].map((name) => `${TASK}-${name}`));
    });

    it('that is over is undone with what each of them wrote', async () => {
      const world = given();
      await declare(world, [notes({ replicas: 2 }), web()]);
      const [memo, other] = await world.untilAvailable(TASK, 3);
      expect([await read(world, memo), await read(world, other)]).toEqual([
        'first\nsecond\n',
        'first\nof its own\n',
      ]);
      expect(await who(world, memo)).toEqual(before);
    });

    it('leaves images that go when they are deleted, and their layers with them', async () => {
      const world = given();
      await world.remove(TASK);
      for (const { metadata } of await images(world))
        await world.kube.delete(TEMPLATES, { namespace: 'default', name: metadata.name });
      await world.eventually('they are gone', async () => expect(await images(world)).toEqual([]), LOOK_MS);
      const held = (await world.host.listLayers()).map(({ identity }) => identity);
      const { items } = await world.kube.list(TEMPLATES);
      const known = items.flatMap(({ status }) => Object.values(status?.layers ?? {}));
      expect(held.filter((identity) => !known.includes(identity))).toEqual([]);
    });
  });
}

async function declare(
  world: World,
  services: readonly WrittenService[],
  state: 'Deployed' | 'Recalled' = 'Deployed',
): Promise<void> {
  await world.create(manifest('ServiceDeployment', TASK, { state, recall: { save: true }, services }));
}

async function untilRecalled(world: World, reason: string): Promise<void> {
  await world.eventually(
    'it is recalled',
    async () => {
      const { metadata, status } = await world.kube.get(SERVICE_DEPLOYMENTS, {
        namespace: 'default',
        name: TASK,
      });
      const recalled = findCondition(status?.conditions, 'Recalled');
      if (recalled?.observedGeneration !== metadata.generation || recalled?.reason !== reason)
        throw new Error(`${recalled?.reason}: ${recalled?.message}`);
    },
    LOOK_MS,
  );
}

/** By name. */
async function images(world: World): Promise<readonly Template[]> {
  const { items } = await world.kube.list(TEMPLATES, { namespace: 'default' });
  return items
    .filter(({ spec }) => spec.recalled?.task === TASK)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

async function ask(world: World, appliance: VirtualAppliance | undefined, path: string): Promise<string> {
  if (appliance === undefined) throw new Error('there is no such appliance');
  return await world.eventually(`${path} answers`, () => world.fetch(urlOf(appliance), `cgi-bin/${path}`));
}

const read = (world: World, appliance: VirtualAppliance | undefined) => ask(world, appliance, 'read');

async function write(world: World, appliance: VirtualAppliance | undefined, text: string): Promise<void> {
  // Not tried again: it would be written twice.
  if (appliance === undefined) throw new Error('there is no such appliance');
  await world.fetch(urlOf(appliance), `cgi-bin/write?${text.replaceAll(' ', '+')}`);
}

async function who(world: World, appliance: VirtualAppliance | undefined): Promise<Who> {
  const [hostname = '', machine = '', mac = '', installed = ''] = (await ask(world, appliance, 'who')).split(
    '\n',
  );
  return { hostname, machine, mac, installed };
}

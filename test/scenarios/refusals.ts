import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { web } from './services.ts';
import type { Given, Hypervisor } from './suite.ts';
import type { World } from './world.ts';

/** What is unavailable is reported, and the appliance continues as soon as it is available. */
export function refusals(given: Given, { memoryReason, hasUniqueNames, runsAll }: Hypervisor): void {
  describe('what is unavailable', () => {
    if (runsAll) {
      it('an address of a pool that has none left: it waits, and gets the first that is given back', async () => {
        const world = given();
        const { last } = world.bed.network;
        const only = beyond(last);
        await world.addPool('narrow', only, only);
        const network = { pool: 'narrow' };
        // Its VM need not have started: the address is its own from the moment that it is placed.
        await world.apply('first', web({ network }));
        await world.eventually('it has the address', async () =>
          expect(await world.leases()).toEqual([only]),
        );
        await world.apply('second', web({ network }));
        await world.eventually('it is there', async () =>
          expect(await world.appliances('second')).toHaveLength(1),
        );
        expect(await world.untilSays('second-web-0', 'AddressPoolExhausted')).toContain('narrow');
        await world.remove('first');
        const [second] = await world.untilAvailable('second', 1);
        expect(second?.status?.network?.address).toBe(only);
        await world.remove('second');
      });
    }

    it('an invalid kernel: the message has the hypervisor’s output, and no VM is left', async () => {
      const world = given();
      const folder = await mkdtemp(join(tmpdir(), 'coppice-kernel-'));
      try {
        const kernel = join(folder, 'vmlinux');
        // A text would not even be taken for a kernel.
        await writeFile(kernel, Buffer.alloc(64, 0x9c));
        await world.addTemplate('broken', { type: 'static-site', port: 80 }, { kernel });
        await world.apply('wrong', web({ template: { name: 'broken' } }));
        expect(await world.untilSays('wrong-web-0', 'VMStartFailed')).toMatch(/kernel/i);
        await untilNoVm(world);
        await world.remove('wrong');
        expect(await world.bed.vms()).toEqual([]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });

    if (memoryReason !== undefined) {
      it('more memory than the hypervisor has: told, and others go on', async () => {
        const world = given();
        await world.apply('greedy', web({ resources: { cpu: '50m', memory: '4Gi' } }));
        await world.untilSays('greedy-web-0', memoryReason);
        await untilNoVm(world);
        await world.apply('modest', web());
        const [modest] = await world.untilAvailable('modest', 1);
        expect((await world.bed.vms()).map(({ uuid }) => uuid)).toEqual([modest?.metadata.uid]);
        await world.untilSays('greedy-web-0', memoryReason);
        await world.remove('greedy', 'modest');
      });
    }

    if (!hasUniqueNames) return;
    it('a name that a foreign VM has: told whose it is, never touched, and made when it is free', async () => {
      const world = given();
      const { bed } = world;
      if (bed.occupyName === undefined)
        throw new Error(`the bed of ${bed.driver} cannot give names to foreign VMs`);
      await bed.killDaemon();
      await world.apply('namesake', web());
      const appliance = await world.eventually('it is declared', () => bound(world, 'namesake'));
      const name = domainOf(appliance);
      await bed.occupyName(name, world.image.kernel);
      await world.restartDaemon();
      expect(await world.untilSays('namesake-web-0', 'DomainNameTaken')).toContain(name);
      await untilForeign(world, [name]);
      await bed.releaseName?.(name);
      await world.untilAvailable('namesake', 1);
      await untilForeign(world, []);
      await world.remove('namesake');
      expect(await bed.vms()).toEqual([]);
    });
  });
}

/** The address behind this one. */
function beyond(address: string): string {
  const dot = address.lastIndexOf('.');
  return `${address.slice(0, dot)}.${Number(address.slice(dot + 1)) + 1}`;
}

async function bound(world: World, task: string): Promise<VirtualAppliance> {
  const [appliance] = await world.appliances(task);
  if (appliance === undefined) throw new Error('it is not there yet');
  return appliance;
}

/** Waits for the end of what is just being tried again, if anything is. */
async function untilNoVm(world: World): Promise<void> {
  await world.eventually('there is no VM', async () => expect(await world.bed.vms()).toEqual([]));
}

/** Waits until the daemon's status of its host names these VMs, and no others, as foreign. */
async function untilForeign(world: World, names: readonly string[]): Promise<void> {
  await world.eventually('the host’s status names the foreign VMs', async () =>
    expect((await world.host.getHost()).foreignVms).toEqual(names),
  );
}

/** The name that a hypervisor knows the VM by. */
function domainOf({ metadata }: VirtualAppliance): string {
  return `${metadata.namespace}.${metadata.name}.${metadata.uid?.slice(0, 8)}`;
}

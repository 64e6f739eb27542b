import { describe, expect, it } from 'vitest';
import { manifest } from '../e2e/tasks.ts';
import { web } from './services.ts';
import { stepsUnderWay } from './steps.ts';
import type { Given } from './suite.ts';
import type { World } from './world.ts';

/**
 * A guest that asks its neighbours for an hour, a second each time, whether its IPv6 address is taken, before it uses it.
 * Interfaces take the default over when they are made; one that the kernel itself has made by then is named.
 */
const DOUBTFUL = ['default', 'eth0']
  .map((name) => `sysctl.net.ipv6.conf.${name}.dad_transmits=3600`)
  .join(' ');

/** What goes while it is still made. */
export function deletion(given: Given): void {
  describe('an appliance that is deleted', () => {
    it('while its guest sets its network: VM, interface and lease are gone', async () => {
      const world = given();
      const ports = await portsOf(world);
      await world.addTemplate('doubtful', { type: 'static-site', port: 80 }, { words: DOUBTFUL });
      const ranges = [{ start: 'fd77::100', end: 'fd77::100' }];
      await world.create(manifest('IPPool', 'six', { family: 'IPv6', ranges, prefix: 64 }));
      await world.apply('brief', web({ template: { name: 'doubtful' }, network: { pool: 'six' } }));
      await world.eventually('its guest sets its network', async () => {
        expect(await stepsUnderWay(world)).toContain('Network');
      });
      expect(await world.leases()).toEqual(['fd77::100']);
      expect((await portsOf(world)).length).toBe(ports.length + 1);
      await world.remove('brief');
      expect(await world.bed.vms()).toEqual([]);
      expect(await portsOf(world)).toEqual(ports);
      await world.eventually('its lease is given back', async () => expect(await world.leases()).toEqual([]));
    });
  });
}

/** The interfaces on the host's bridge. */
async function portsOf({ bed }: World): Promise<readonly string[]> {
  const text = await bed.run(['ip', '-o', 'link', 'show', 'master', 'br0']);
  return [...text.matchAll(/^\d+: ([^:@]+)/gm)].map(([, name = '']) => name);
}

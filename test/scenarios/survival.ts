import { describe, expect, it } from 'vitest';
import type { StepName } from '../../src/host/protocol.ts';
import { urlOf } from '../e2e/tasks.ts';
import { TEXT, web } from './services.ts';
import type { Given } from './suite.ts';
import type { World } from './world.ts';

/** Those that an appliance on a bridge goes through until its service is there. */
const STEPS: readonly StepName[] = [
  'Layers',
  'Disk',
  'Start',
  'Agent',
  'Network',
  'Configure',
  'Container',
  'Package',
  'Install',
  'Service',
];

/** Steps may be over in less; then the daemon is killed in the one behind. */
const STEP_POLL_MS = 50;

/** The daemon dies in the middle of its work, again and again. */
export function survival(given: Given): void {
  describe('a daemon that is killed', () => {
    it('in each step of one appliance: it is made all the same, and its VM started once', async () => {
      const world = given();
      const incarnations = new Set<string>();
      const look = async () => {
        for (const { incarnation } of await world.bed.vms()) incarnations.add(incarnation);
      };
      await world.apply('tenacious', web());
      for (const step of STEPS) {
        await untilStep(world, step);
        await world.bed.killDaemon();
        await look();
        await world.restartDaemon();
        await look();
      }
      const [site] = await world.untilAvailable('tenacious', 1);
      if (site === undefined) throw new Error('one appliance is wanted');
      await world.eventually('it answers', async () => {
        expect(await world.fetch(urlOf(site))).toBe(TEXT);
      });
      await look();
      expect((await world.bed.vms()).map(({ uuid }) => uuid)).toEqual([site.metadata.uid]);
      expect(incarnations.size).toBe(1);
      await world.remove('tenacious');
      expect(await world.bed.vms()).toEqual([]);
    });
  });
}

/** Resolves as soon as the daemon itself says that the step of its only appliance has begun; it may be over by then. */
async function untilStep(world: World, step: StepName): Promise<void> {
  const look = async () => {
    const [appliance] = await world.host.listAppliances();
    if (appliance?.steps.find(({ name }) => name === step) === undefined) {
      throw new Error(`steps so far: ${appliance?.steps.map(({ name }) => name).join(', ')}`);
    }
  };
  await world.eventually(`step ${step} begins`, look, STEP_POLL_MS);
}

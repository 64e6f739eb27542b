import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Bed } from './bed.ts';
import { deletion } from './deletion.ts';
import { recall } from './recall.ts';
import { refusals } from './refusals.ts';
import { failuresIn, retriesIn, tellRetries } from './retries.ts';
import { story } from './story.ts';
import { survival } from './survival.ts';
import { World } from './world.ts';

/** What scenarios there are for depends on this. */
export interface Hypervisor {
  readonly name: string;
  /** What the API says of a VM that asks for more memory than there is, though the host offers it; undefined: it overcommits. */
  readonly memoryReason?: string;
  /** Whether a guest can be made to doubt for long that its IPv6 address is its own: behind Xen's card it does not. */
  readonly guestsCanDoubt: boolean;
  /** Whether no two VMs of a host can have one name. */
  readonly hasUniqueNames: boolean;
  /** Whether that runs on it, too, in which a hypervisor has no part. It need not where the host is emulated, and twenty times as slow. */
  readonly runsAll: boolean;
}

/** What each scenario is given, once the bed is made. */
export type Given = () => World;

/**
 * All scenarios on one bed, one after the other; after each, what was tried again meanwhile is printed, and the daemon must not
 * have failed. With a reason why there can be no bed here, that is what the tests tell.
 */
export function describeScenarios(
  hypervisor: Hypervisor,
  makeBed: () => Promise<Bed>,
  impossible: string | undefined,
): void {
  const { name } = hypervisor;
  describe(name, () => {
    if (impossible !== undefined) {
      it('scenarios', (context) => context.skip(impossible));
      return;
    }
    let bed: Bed | undefined;
    let world: World;
    let before = '';

    beforeAll(async () => {
      bed = await makeBed();
      world = await World.start(bed);
    });
    afterAll(async () => {
      await world?.close();
      await bed?.close();
    });
    beforeEach(async () => {
      before = await world.bed.daemonLog();
    });
    afterEach(async ({ task }) => {
      // One that failed leaves its tasks, which those behind it, or its second try, should not meet.
      if (task.result?.state === 'fail') await world.removeAll();
      const log = await world.bed.daemonLog();
      console.log(`${name}: ${task.name}: tried again: ${tellRetries(retriesIn(before), retriesIn(log))}`);
      expect(failuresIn(log).slice(failuresIn(before).length)).toEqual([]);
    });

    story(() => world);
    if (hypervisor.runsAll) {
      survival(() => world);
      recall(() => world);
    }
    if (hypervisor.guestsCanDoubt) deletion(() => world);
    refusals(() => world, hypervisor);
  });
}

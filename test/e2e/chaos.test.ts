import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SERVICE_DEPLOYMENTS } from '../../src/api/kinds.ts';
import { seed } from '../fuzz.ts';
import { describeUnless } from '../skip.ts';
import { Coppice, type Vm } from './coppice.ts';
import { tooLongEmulated } from './emulated.ts';
import { appliancesOf, apply, aTask, untilServed } from './tasks.ts';

const REPLICAS = 10;
const KILLS = 10;
const PARTS = ['operator', 'host-a', 'host-b', 'api'] as const;
/** Of the last kill; the first ones come faster, while the VMs are made and not yet booting. */
const LONGEST_PEACE_MS = 4_000;
const WATCH_MS = 200;

/** Numbers from 0 to 1 that follow from the seed alone (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Looks all the time which VMs run, and tells in the end all that were ever seen, sorted, as `uuid pid`. */
function watchStarts(coppice: Coppice): { end(): Promise<readonly string[]> } {
  const seen = new Set<string>();
  let over = false;
  const watching = (async () => {
    while (!over) {
      for (const { uuid, pid } of await coppice.vms()) seen.add(`${uuid} ${pid}`);
      await delay(WATCH_MS);
    }
  })();
  return {
    end: async () => {
      over = true;
      await watching;
      return [...seen].sort();
    },
  };
}

/** One story: ten VMs grow under fire, most of them go again, and a second task dies half-born. */
describeUnless(tooLongEmulated, `ten appliances under fire (COPPICE_TEST_SEED=${seed})`, () => {
  const random = randomFrom(seed);
  let coppice: Coppice;
  let vms: readonly Vm[];

  beforeAll(async () => {
    coppice = await Coppice.up();
  });
  afterAll(() => coppice?.close());

  const uuidsOf = (some: readonly Vm[]) => some.map(({ uuid }) => uuid);
  // Ten emulated guests boot for minutes when others keep the machine busy: nobody shall give up on one of them.
  const task = (name: string, replicas: number) =>
    aTask(name, { replicas, timeouts: { agentSeconds: 1800 } });
  /** Kills some at once and starts what is missing, again and again, more slowly from time to time. */
  const fire = async (kills: number) => {
    for (let kill = 0; kill < kills; kill++) {
      const longestPeaceMs = (LONGEST_PEACE_MS * (kill + 1)) / kills;
      await delay(random() * longestPeaceMs);
      const victims = PARTS.filter(() => random() < 0.4);
      await Promise.all(victims.map((part) => coppice.kill(part)));
      await delay(random() * longestPeaceMs);
      await coppice.run('up');
    }
  };

  it('exactly the declared ones run, each started once, and every one answers', async () => {
    const starts = watchStarts(coppice);
    await apply(coppice, task('many', REPLICAS));
    await fire(KILLS);
    const appliances = await untilServed(coppice, 'many', REPLICAS, 'grown\n');
    const started = await starts.end();
    const declared = appliances.map(({ metadata }) => metadata.uid ?? '').sort();
    expect(declared).toHaveLength(REPLICAS);
    vms = await coppice.vms();
    expect(uuidsOf(vms)).toEqual(declared);
    expect(started).toEqual(vms.map(({ uuid, pid }) => `${uuid} ${pid}`));
    expect(await coppice.overlays()).toEqual(declared);
  });

  it('scaled down, the others go and those that stay are not touched', async () => {
    await apply(coppice, task('many', 3));
    await coppice.eventually('three are left', async () => {
      expect(await appliancesOf(coppice, 'many')).toHaveLength(3);
    });
    const kept = (await untilServed(coppice, 'many', 3, 'grown\n')).map(({ metadata }) => metadata.uid ?? '');
    expect(await coppice.vms()).toEqual(vms.filter(({ uuid }) => kept.includes(uuid)));
    expect(await coppice.overlays()).toEqual(kept.sort());
  });

  it('a task that is deleted in the middle of its deployment, under fire as well, leaves nothing', async () => {
    const before = await coppice.vms();
    await apply(coppice, task('brief', 4));
    await coppice.eventually('a VM of it boots', async () => {
      expect((await coppice.vms()).length).toBeGreaterThan(before.length);
    });
    await coppice.client.delete(SERVICE_DEPLOYMENTS, { name: 'brief', namespace: 'default' });
    await fire(2);
    await coppice.eventually('its appliances are gone', async () => {
      expect(await appliancesOf(coppice, 'brief')).toEqual([]);
    });
    expect(await coppice.vms()).toEqual(before);
    expect(await coppice.overlays()).toEqual(uuidsOf(before));
  });
});

import { describe, expect, it } from 'vitest';
import { expectStanding, READY } from '../../expectations/conditions.ts';
import type { Fault } from '../../kubernetes/fault-proxy.ts';
import { eventually } from './eventually.ts';
import { medianOf } from './request-rates.ts';
import { scaleShop, shopDeployed } from './shop.ts';
import { AFTER_MS, FELT, HELD_MS, MOST_LAG_MS, ROUNDS, useTrouble } from './trouble.ts';

/** Longer than dead connections are kept. */
const LONG_HELD_MS = 12_000;

/** How much faster time passes for the operator of a server that is frozen for so long. */
const FACTOR = 3;

/** How late each event comes: later than whatever the operator does about the one before. */
const LATE_MS = 500;

const FAULTS: readonly (readonly [name: string, fault: Fault])[] = [
  ['answers 429 and says when to come back', { kind: 'status', status: 429, retryAfterSeconds: 1 }],
  ['answers 500', { kind: 'status', status: 500 }],
  ['answers 410', { kind: 'status', status: 410 }],
  ['sends half of its answers', { kind: 'truncated' }],
  ['sends its answers slowly', { kind: 'slow', pauseMs: 50 }],
];

describe('an API server', () => {
  const trouble = useTrouble();

  it.each(FAULTS)('that %s', async (_, fault) => {
    await trouble.world.deploy('shop', { replicas: 2 });
    await shopDeployed(trouble.world, 2);
    const lags: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const replicas = 3 - (round % 2);
      const met = trouble.proxy.passed.length;
      trouble.proxy.fault(fault);
      trouble.proxy.reset();
      // Once for long, so that all delays have grown; then for as long as it takes to be felt.
      if (round === 0) await trouble.watchFor(HELD_MS, 1);
      await eventually('it was felt', async () =>
        expect(trouble.proxy.passed.length - met).toBeGreaterThanOrEqual(FELT),
      );
      const since = performance.now();
      trouble.proxy.fault(undefined);
      lags.push(await trouble.lagOf(() => scaleShop(trouble.world, replicas), since));
      await shopDeployed(trouble.world, replicas);
      if (round === 0) await trouble.watchFor(AFTER_MS, 1, since);
    }
    // A client that got a Retry-After comes back then.
    const askedForMs = fault.kind === 'status' ? (fault.retryAfterSeconds ?? 0) * 1000 : 0;
    expect(medianOf(lags)).toBeLessThan(MOST_LAG_MS + askedForMs);
    await trouble.isWell(3);
  });

  it('whose events come late makes no appliance twice', async () => {
    trouble.proxy.delayWatches('virtualappliances', LATE_MS);
    const before = trouble.creations();
    await trouble.world.deploy('shop', { replicas: 5 });
    await shopDeployed(trouble.world, 5);
    expect(await trouble.onHosts()).toEqual(Array.from({ length: 5 }, (_, ordinal) => `shop-web-${ordinal}`));
    expect(trouble.creations() - before).toBe(5);
    trouble.proxy.delayWatches('virtualappliances', 0);
  });

  it('whose events come late makes and removes no appliance too many', async () => {
    const wanted = (count: number) => Array.from({ length: count }, (_, ordinal) => `shop-web-${ordinal}`);
    const uids = async () =>
      new Map((await trouble.world.appliances()).map(({ metadata }) => [metadata.name, metadata.uid]));
    await trouble.world.deploy('shop', { replicas: 5 });
    await shopDeployed(trouble.world, 5);
    const before = await uids();
    trouble.proxy.delayWatches('virtualappliances', LATE_MS);
    await scaleShop(trouble.world, 4);
    // While its deletion is not seen yet, the task is looked at again for another reason.
    await scaleShop(trouble.world, 3);
    await shopDeployed(trouble.world, 3);
    expect(await trouble.onHosts()).toEqual(wanted(3));
    expect(await uids()).toEqual(new Map(wanted(3).map((name) => [name, before.get(name)])));

    await trouble.world.removeAppliance('shop-web-1');
    await eventually('it was replaced', async () => {
      const uid = (await uids()).get('shop-web-1');
      expect(uid).toBeDefined();
      expect(uid).not.toBe(before.get('shop-web-1'));
    });
    await shopDeployed(trouble.world, 3);
    expect(await trouble.onHosts()).toEqual(wanted(3));
    for (const name of ['shop-web-0', 'shop-web-2']) expect((await uids()).get(name)).toBe(before.get(name));
    trouble.proxy.delayWatches('virtualappliances', 0);
  });
});

describe('an API server, and an operator whose time passes quickly', () => {
  const trouble = useTrouble(FACTOR);

  it('that is frozen, and thaws', async () => {
    await trouble.world.deploy('shop', { replicas: 2 });
    await shopDeployed(trouble.world, 2);
    trouble.proxy.fault({ kind: 'frozen' });
    await trouble.world.addAppliance('meanwhile');
    await trouble.watchFor(LONG_HELD_MS / FACTOR, 1);
    const thawedAt = performance.now();
    trouble.proxy.fault(undefined);
    await scaleShop(trouble.world, 3);
    await shopDeployed(trouble.world, 3);
    await eventually('the other one, too', async () =>
      expectStanding(
        (await trouble.world.appliance('meanwhile')).status?.conditions,
        READY,
        'ServiceAvailable',
      ),
    );
    await trouble.watchFor(AFTER_MS, 2, thawedAt);
    await trouble.world.removeAppliance('meanwhile');
    await eventually('it is gone', async () => expect(await trouble.onHosts()).not.toContain('meanwhile'));
    await trouble.isWell(3);
  });
});

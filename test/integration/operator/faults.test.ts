import { describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import { scaleShop, shopDeployed } from './shop.ts';
import { AFTER_MS, FELT, HELD_MS, useTrouble } from './trouble.ts';

describe('an API server in trouble', () => {
  const trouble = useTrouble();

  it('that resets its connections again and again', async () => {
    await trouble.world.deploy('shop', { replicas: 1 });
    const since = performance.now();
    for (let round = 0; round < 20; round += 1) {
      trouble.proxy.reset();
      await scaleShop(trouble.world, 1 + (round % 3));
    }
    await scaleShop(trouble.world, 3);
    await shopDeployed(trouble.world, 3);
    await trouble.watchFor(AFTER_MS, 21, since);
    await trouble.isWell(3);
  });

  it('that is killed and started again', async () => {
    await trouble.world.deploy('shop', { replicas: 2 });
    await shopDeployed(trouble.world, 2);
    const met = trouble.proxy.passed.length;
    await trouble.world.api.kill();
    await trouble.watchFor(HELD_MS, 1);
    expect(trouble.proxy.passed.length - met).toBeGreaterThanOrEqual(FELT);
    await trouble.world.api.start();
    const since = performance.now();
    await eventually('it is back', () => scaleShop(trouble.world, 3));
    await shopDeployed(trouble.world, 3);
    await trouble.watchFor(AFTER_MS, 1, since);
    await trouble.isWell(3);
  });

  it('that has lost its history', async () => {
    await trouble.world.deploy('shop', { replicas: 2 });
    await shopDeployed(trouble.world, 2);
    const since = performance.now();
    await trouble.world.api.loseHistory();
    await eventually('it is back', () => scaleShop(trouble.world, 3));
    await shopDeployed(trouble.world, 3);
    await trouble.watchFor(AFTER_MS, 2, since);
    await trouble.isWell(3);
  });
});

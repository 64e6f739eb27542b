import { expect } from 'vitest';
import { SERVICE_DEPLOYMENTS } from '../../../src/api/kinds.ts';
import { expectStanding, READY } from '../../expectations/conditions.ts';
import { eventually } from './eventually.ts';
import type { World } from './world.ts';

/** Waits until the task `shop` is Ready as it was last declared, with so many replicas that answer. */
export async function shopDeployed(world: World, replicas: number, timeoutMs = 90_000): Promise<void> {
  await eventually(
    `${replicas} replicas answer`,
    async () => {
      const { status, metadata } = await world.deployment('shop');
      expectStanding(status?.conditions, READY, 'Deployed');
      expect(status?.observedGeneration).toBe(metadata.generation);
      expect(status).toMatchObject({ replicas, readyReplicas: replicas });
    },
    timeoutMs,
  );
}

/** Declares another number of replicas. */
export async function scaleShop({ kube }: World, replicas: number): Promise<void> {
  await kube.patch(SERVICE_DEPLOYMENTS, { namespace: 'default', name: 'shop' }, { spec: { replicas } });
}

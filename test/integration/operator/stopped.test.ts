import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportStopped } from '../../../src/main/local/stopped.ts';
import { expectCondition, expectStanding, READY } from '../../expectations/conditions.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

describe('a Coppice that is stopped with its VMs', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
    await world.startOperator();
    await world.addTemplate('debian');
  });
  afterAll(() => world.stop());

  const ready = () =>
    eventually('the task is ready', async () => {
      const found = await world.deployment('shop');
      expectStanding(found.status?.conditions, READY, 'Deployed');
      return found;
    });

  it('says that nothing answers, and continues there', async () => {
    await world.deploy('shop', { replicas: 2 });
    const before = await ready();
    await world.stopOperator();
    await world.daemons.stop('host-a');
    await reportStopped(world.kube, Date.now());
    const task = await world.deployment('shop');
    expect(task.status).toMatchObject({ replicas: 2, readyReplicas: 0, services: [{ accessPoints: [] }] });
    expect(task.status?.url).toBeUndefined();
    expect(expectCondition(task.status?.conditions, 'Ready', 'False', 'Stopped')).toContain('coppice up');
    for (const { status } of await world.appliances()) {
      expect(status).toMatchObject({ serviceState: 'VMUnavailable', vm: { state: 'Stopped' } });
      expect(status?.url).toBeUndefined();
      for (const type of ['Ready', 'Available'])
        expectCondition(status?.conditions, type, 'False', 'Stopped');
      expectCondition(status?.conditions, 'Reconciling', 'False', 'Stopped');
    }
    await world.startOperator();
    await eventually('its next operator has looked, and no host has answered', async () => {
      const { status } = await world.host('host-a');
      expectCondition(status?.conditions, 'Ready', 'False', 'HostUnreachable');
    });
    expect((await world.deployment('shop')).status?.readyReplicas).toBe(0);
    await world.daemons.restart('host-a');
    expect((await ready()).status?.url).toBe(before.status?.url);
  });
});

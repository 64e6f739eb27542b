import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operator } from '../../../src/main/operator.ts';
import { expectStanding, READY } from '../../expectations/conditions.ts';
import { installCrds } from '../../kubernetes/crds.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const CRDS = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

describe('the operator as a program', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
    await world.addTemplate('debian');
  });
  afterAll(() => world.stop());

  const statusOf = async (operator: Operator, path: string) =>
    (await fetch(`${operator.metricsUrl}${path}`)).status;
  const answers = (name: string) =>
    eventually(`${name} answers`, async () =>
      expectStanding((await world.appliance(name)).status?.conditions, READY, 'ServiceAvailable'),
    );

  it('leads alone, and another takes over when it ends', async () => {
    const leaderElection = { namespace: 'default' };
    const first = await world.newOperator({ leaderElection });
    try {
      await world.addAppliance('one');
      await answers('one');
      const second = await world.newOperator({ leaderElection });
      try {
        expect(await world.writesOf(second), 'only the leader writes').toBe(0);
        await first.close();
        await world.addAppliance('two');
        await answers('two');
        expect(await world.writesOf(second)).toBeGreaterThan(0);
      } finally {
        await second.close();
      }
    } finally {
      await first.close();
    }
    expect(await world.daemons.appliancesOn('host-a')).toEqual(['one', 'two']);
  });

  it('tells how it is, and what it does', async () => {
    const operator = await world.newOperator();
    try {
      await eventually('it is ready', async () => expect(await statusOf(operator, '/readyz')).toBe(200));
      expect(await statusOf(operator, '/healthz')).toBe(200);
      expect(await statusOf(operator, '/elsewhere')).toBe(404);
      await eventually('it tells of its host', async () => {
        const text = await (await fetch(`${operator.metricsUrl}/metrics`)).text();
        expect(text).toContain('coppice_operator_hosts{state="connected"} 1');
        expect(text).toMatch(/coppice_operator_reconciles_total\{controller="host",outcome="\w+"\} \d+/);
      });
      await world.clear();
    } finally {
      await operator.close();
    }
  });

  it('waits for its kinds to be installed', async () => {
    await world.kube.delete(CRDS, { name: 'virtualappliances.coppice.dev' });
    await eventually('the kind is gone', async () => {
      const { resources } = (await world.kube.getRaw('/apis/coppice.dev/v1alpha1')) as {
        resources: { name: string }[];
      };
      expect(resources.map(({ name }) => name)).not.toContain('virtualappliances');
    });
    const operator = await world.newOperator();
    try {
      expect(await statusOf(operator, '/readyz')).toBe(503);
      await installCrds(world.kube);
      await eventually('it is ready', async () => expect(await statusOf(operator, '/readyz')).toBe(200));
      await world.addTemplate('debian');
      await world.addAppliance('three');
      await answers('three');
    } finally {
      await operator.close();
    }
  });
});

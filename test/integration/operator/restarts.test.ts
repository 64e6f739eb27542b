import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Timings } from '../../../controllers/context.ts';
import type { Debounce } from '../../../controllers/status/write-debouncer.ts';
import { VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import { EVENTS } from '../../../src/kube/events/event-record.ts';
import { expectCondition, expectStanding, READY } from '../../expectations/conditions.ts';
import { coppiceProgram } from '../../programs.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const CLI = await coppiceProgram();
const HOSTS = ['host-a', 'host-b'];
const NEVER: Debounce = { settleMs: 3_600_000, maxMs: 3_600_000 };
const WITHOUT_PROGRESS: Partial<Timings> = {
  firstStatus: NEVER,
  applianceStatus: NEVER,
  applianceSteps: NEVER,
  deploymentStatus: NEVER,
  templateStatus: NEVER,
  hostStatus: NEVER,
  hostMeasurements: NEVER,
};

const ofNoHost = (resource: string) => resource !== 'hosts';
const isEvent = (resource: string) => resource === 'events';

describe('restarts and failures', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    for (const name of HOSTS) await world.addHost(name);
  });
  afterEach(async () => {
    if (!world.hasOperator()) await world.startOperator();
    await world.clear();
    await world.stopOperator();
  });
  afterAll(() => world.stop());

  const deployed = (name: string, replicas: number) =>
    eventually(`${replicas} replicas answer`, async () => {
      const { status, metadata } = await world.deployment(name);
      expectStanding(status?.conditions, READY, 'Deployed');
      expect(status?.observedGeneration).toBe(metadata.generation);
      expect(status).toMatchObject({ replicas, readyReplicas: replicas });
    });
  const onHosts = async () =>
    (await Promise.all(HOSTS.map((host) => world.daemons.appliancesOn(host)))).flat().sort();

  /** About the task, and its appliances; not about those of the same names before it. */
  const eventsOf = async (task: string) => {
    const { items } = await world.kube.list(EVENTS, { namespace: 'default' });
    const objects = [await world.deployment(task), ...(await world.appliances())];
    const uids = new Set(objects.map(({ metadata }) => metadata.uid));
    return items
      .filter(({ involvedObject: { name, uid } }) => name.startsWith(task) && uids.has(uid))
      .map(({ involvedObject: { name }, reason, count }) => `${name} ${reason} x${count}`)
      .sort();
  };

  /** The operator in a process of its own, as it runs in earnest, to be killed without warning. */
  const spawnOperator = async (): Promise<ChildProcess> => {
    const { ca, cert, key } = await world.operatorFiles('operator');
    const flags = [
      '--kubeconfig',
      world.api.operatorKubeconfigPath,
      '--host-ca',
      ca,
      '--host-cert',
      cert,
      '--host-key',
      key,
    ];
    return spawn(process.execPath, [CLI, 'operator', ...flags, '--log-level', 'fatal'], { stdio: 'ignore' });
  };
  const kill = async (operator: ChildProcess) => {
    const exited = once(operator, 'exit');
    operator.kill('SIGKILL');
    await exited;
  };

  it('an operator that is killed again and again makes exactly ten of ten', async () => {
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 10 });
    for (const atLeast of [1, 4, 8]) {
      const operator = await spawnOperator();
      try {
        await eventually(`${atLeast} are there`, async () => {
          expect((await world.appliances()).length).toBeGreaterThanOrEqual(atLeast);
        });
      } finally {
        await kill(operator);
      }
    }
    await world.startOperator();
    await deployed('shop', 10);
    const appliances = await world.appliances();
    const names = appliances.map(({ metadata }) => metadata.name).sort();
    expect(names).toEqual(Array.from({ length: 10 }, (_, ordinal) => `shop-web-${ordinal}`));
    expect(await onHosts()).toEqual(names);
  });

  it('an operator that is killed while it removes leaves nothing behind', async () => {
    await world.addTemplate('debian');
    await world.startOperator();
    await world.deploy('shop', { replicas: 6 });
    await deployed('shop', 6);
    await world.change('shop', {}, { replicas: 0 });
    await eventually('they are going', async () => expect((await world.appliances()).length).toBeLessThan(6));
    await world.stopOperator();
    await world.startOperator();
    await deployed('shop', 0);
    expect(await onHosts()).toEqual([]);
  });

  it('a new operator leaves what runs as it is', async () => {
    await world.addTemplate('debian');
    await world.startOperator();
    await world.deploy('shop', { replicas: 3 });
    await deployed('shop', 3);
    const before = await world.appliances();
    // This waits until the Events are written.
    await world.stopOperator();
    const told = await eventsOf('shop');
    expect(told.filter((event) => event.startsWith('shop-web-0 '))).toEqual([
      'shop-web-0 Placed x1',
      'shop-web-0 ServiceAvailable x1',
      'shop-web-0 Started x1',
    ]);
    expect(told).toContain('shop SuccessfulCreate x1');
    await world.startOperator();
    await world.addAppliance('probe');
    await eventually('the new operator works', async () => {
      expectStanding((await world.appliance('probe')).status?.conditions, READY, 'ServiceAvailable');
    });
    await world.removeAppliance('probe');
    expect(await eventsOf('shop'), 'none is recorded again').toEqual(told);
    const after = await world.appliances();
    for (const old of before) {
      const now = after.find(({ metadata }) => metadata.uid === old.metadata.uid);
      expect(now?.status, old.metadata.name).toEqual(old.status);
    }
  });

  it('a daemon that is away leaves its appliances unknown, and takes them up again', async () => {
    await world.addTemplate('debian');
    await world.startOperator();
    await world.addAppliance('web', { placement: { hosts: ['host-a'] } });
    const answers = () =>
      eventually('it answers', async () => {
        const found = await world.appliance('web');
        expectStanding(found.status?.conditions, READY, 'ServiceAvailable');
        return found;
      });
    const before = await answers();
    await world.daemons.stop('host-a');
    await eventually('nobody knows how it is', async () => {
      const { status } = await world.appliance('web');
      expect(expectCondition(status?.conditions, 'Ready', 'Unknown', 'HostUnreachable')).toContain(
        'waits for the host',
      );
      expectCondition((await world.host('host-a')).status?.conditions, 'Ready', 'False', 'HostUnreachable');
    });
    await world.daemons.restart('host-a');
    const after = await answers();
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status?.vm?.startedTime).toBe(before.status?.vm?.startedTime);
    expectCondition((await world.host('host-a')).status?.conditions, 'Ready', 'True', 'HostReady');
  });

  it('a disk that was lost while no operator ran is reported before it is created again', async () => {
    await world.addTemplate('debian');
    await world.startOperator();
    await world.addAppliance('web', { placement: { hosts: ['host-a'] } });
    const answers = () =>
      eventually('it answers', async () => {
        const found = await world.appliance('web');
        expectStanding(found.status?.conditions, READY, 'ServiceAvailable');
        return found;
      });
    const before = await answers();
    await world.stopOperator();
    await world.daemons.removeFrom('host-a', 'web');
    await world.startOperator();
    await eventually('an Event says so', async () => {
      const { items } = await world.kube.list(EVENTS, { namespace: 'default' });
      expect(items).toContainEqual(
        expect.objectContaining({
          reason: 'ApplianceMissing',
          count: 1,
          involvedObject: expect.objectContaining({ uid: before.metadata.uid }),
        }),
      );
    });
    await eventually('it runs again', async () => {
      expect((await answers()).status?.vm?.startedTime).not.toBe(before.status?.vm?.startedTime);
    });
  });

  it('an appliance that only the host knows is reported and not touched', async () => {
    await world.addTemplate('debian');
    await world.startOperator();
    await world.addAppliance('web', { placement: { hosts: ['host-a'] } });
    await eventually('it is on the host', async () =>
      expect(await world.daemons.appliancesOn('host-a')).toEqual(['web']),
    );
    await world.stopOperator();
    await world.kube.patch(
      VIRTUAL_APPLIANCES,
      { namespace: 'default', name: 'web' },
      { metadata: { finalizers: [] } },
    );
    await world.removeAppliance('web');
    await world.startOperator();
    await eventually('the host says so', async () => {
      const { status } = await world.host('host-a');
      expect(
        expectCondition(status?.conditions, 'UnclaimedAppliances', 'True', 'UnclaimedAppliances'),
      ).toContain('default/web');
    });
    expect(await world.daemons.appliancesOn('host-a')).toEqual(['web']);
    await world.daemons.removeFrom('host-a', 'web');
  });

  it('an appliance costs at most five writes and three Events until its service answers, beside those of its progress', async () => {
    await world.addTemplate('debian');
    // How often progress is written depends on how long it takes, and so on the machine.
    await world.startOperator({ timings: WITHOUT_PROGRESS });
    await world.addAppliance('first');
    await eventually('the world is warm', async () => {
      expectStanding((await world.appliance('first')).status?.conditions, READY, 'ServiceAvailable');
    });
    // What is measured on hosts is written as time goes by, whatever appliances there are.
    const count = async () => {
      const [all, events] = [await world.writes(ofNoHost), await world.writes(isEvent)];
      return { events, others: all - events };
    };
    const before = await count();
    await world.deploy('shop', { replicas: 10 });
    await deployed('shop', 10);
    const after = await count();
    expect((after.others - before.others) / 10).toBeLessThanOrEqual(5);
    // Placed, Started, ServiceAvailable. Beside them, the task has two for all of its appliances.
    expect(after.events - before.events).toBeLessThanOrEqual(32);
  });

  it('an address costs one lease, and the lease one write', async () => {
    await world.addTemplate('debian');
    // Wide, so that no two of them try the same address first.
    await world.addPool('lan', { prefix: 8, ranges: [{ start: '10.0.0.10', end: '10.255.255.99' }] });
    await world.startOperator();
    await world.deploy('shop', { replicas: 10, network: { pool: 'lan' } });
    await deployed('shop', 10);
    expect(await world.writes((resource) => resource === 'ipleases')).toBe(10);
  });
});

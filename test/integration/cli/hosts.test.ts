import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import { expectCondition, expectStanding, READY } from '../../expectations/conditions.ts';
import { eventually } from '../operator/eventually.ts';
import { World } from '../operator/world.ts';
import { type CliResult, runCli } from './run.ts';

const HOST = 'host-a';

describe('the commands for a host', () => {
  let world: World;
  let access: readonly string[];
  const uids = new Map<string, string>();

  beforeAll(async () => {
    world = await World.start();
    await world.addHost(HOST);
    await world.startOperator();
    await world.addTemplate('debian');
    for (const name of ['kept', 'lost', 'twin']) {
      await world.addAppliance(name);
      await eventually(`${name} answers`, async () => {
        const { status, metadata } = await world.appliance(name);
        expectStanding(status?.conditions, READY, 'ServiceAvailable');
        uids.set(name, metadata.uid ?? '');
      });
    }
    await orphan('lost');
    await orphan('twin');
    // Another one has the name of an unclaimed appliance.
    await world.addAppliance('twin');
    await eventually('the new one answers', async () =>
      expectStanding((await world.appliance('twin')).status?.conditions, READY, 'ServiceAvailable'),
    );
    const { ca, cert, key } = await world.operatorFiles('operator');
    access = ['--host-ca', ca, '--host-cert', cert, '--host-key', key];
  });
  afterAll(() => world?.stop());

  /** Removes the object behind the operator's back, as a restored backup or a hand on its finalizers does. */
  const orphan = async (name: string) => {
    await world.stopOperator();
    await world.kube.patch(
      VIRTUAL_APPLIANCES,
      { namespace: 'default', name },
      { metadata: { finalizers: [] } },
    );
    await world.removeAppliance(name);
    await world.startOperator();
  };
  const coppice = (...args: readonly string[]): Promise<CliResult> =>
    runCli(world.api.kubeconfigPath, 'host', ...args, ...access);
  const refused = async (sentence: RegExp, ...args: readonly string[]) => {
    const { code, stderr } = await coppice('forget', HOST, ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(sentence);
  };
  const left = () => world.daemons.appliancesOn(HOST);

  it('describe shows state, resources, layers, appliances and what nobody claims', async () => {
    const { code, stdout, stderr } = await coppice('describe', HOST);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Name: +host-a$/m);
    expect(stdout).toMatch(/^Ready: +True$/m);
    expect(stdout).toMatch(/^ +CAPACITY +USED +BY APPLIANCES +PROMISED$/m);
    expect(stdout).toMatch(/^ {2}memory +\d/m);
    expect(stdout).toMatch(/^ {2}default\/debian +disk +Ready +[0-9a-f]{64}$/m);
    expect(stdout).toMatch(/^ {2}default\/kept +ServiceAvailable/m);
    const [, unclaimed = ''] = stdout.split('Unclaimed appliances');
    expect(unclaimed).toContain(uids.get('lost'));
    expect(unclaimed).toContain(uids.get('twin'));
    expect(unclaimed).not.toContain(uids.get('kept'));
    expect(stdout).toMatch(/VMs of others \(never touched\):\n {2}<none>/);
    expect(stdout).toMatch(/UnclaimedAppliances .*coppice host forget/);
  });

  it('describe shows what the API knows when the daemon cannot be asked, and why', async () => {
    const { kubeconfigPath } = world.api;
    const { code, stdout } = await runCli(kubeconfigPath, 'host', 'describe', HOST, '--host-ca', '/no/ca');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}default\/kept /m);
    expect(stdout).toMatch(/^ {2}<unavailable: .*no such file/m);
    expect(await coppice('describe', 'nobody')).toMatchObject({ code: 1 });
  });

  it('forget refuses what the API knows, what is not there, and to go on without a confirmation', async () => {
    await refused(/kubectl delete virtualappliance kept -n default/, 'default/kept', '--yes');
    await refused(/belongs to a VirtualAppliance/, uids.get('kept') ?? '', '--yes');
    await refused(
      /no unclaimed appliance default\/nobody; unclaimed are: .*default\/lost/,
      'default/nobody',
      '--yes',
    );
    await refused(/its disk .* cannot be restored(.|\n)*add --yes/, 'default/lost');
    expect(await left()).toEqual(['kept', 'lost', 'twin', 'twin']);
  });

  it('forget deletes the one that is named, whatever has its name, and the condition follows', async () => {
    const { code, stdout, stderr } = await coppice('forget', HOST, 'default/twin', '--yes');
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(`default/twin (${uids.get('twin')}) is gone from host ${HOST}.\n`);
    expect(await left()).toEqual(['kept', 'lost', 'twin']);
    expectStanding((await world.appliance('twin')).status?.conditions, READY, 'ServiceAvailable');
    expect(await coppice('forget', HOST, uids.get('lost') ?? '', '--yes')).toMatchObject({ code: 0 });
    expect(await left()).toEqual(['kept', 'twin']);
    await eventually('nothing is unclaimed', async () =>
      expectCondition(
        (await world.host(HOST)).status?.conditions,
        'UnclaimedAppliances',
        'False',
        'AllClaimed',
      ),
    );
    await refused(/unclaimed are: none/, uids.get('lost') ?? '', '--yes');
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVICE_DEPLOYMENTS, TEMPLATES } from '../../../src/api/kinds.ts';
import { expectStanding, READY } from '../../expectations/conditions.ts';
import { eventually } from '../operator/eventually.ts';
import { World } from '../operator/world.ts';
import { type CliResult, runCli } from './run.ts';

const TASKS = ['one', 'two', 'three'];

describe('coppice recall and redeploy', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
    await world.startOperator();
    await world.addTemplate('debian');
    for (const name of TASKS) {
      const service = (of: string) => ({ name: of, template: { name: 'debian' } });
      await world.deploy(name, {}, { services: [service('web'), service('db')] });
    }
    for (const name of ['one', 'two'])
      await world.kube.patch(
        SERVICE_DEPLOYMENTS,
        { namespace: 'default', name },
        { metadata: { labels: { team: 'a' } } },
      );
    for (const name of TASKS)
      await eventually(`${name} runs`, async () =>
        expectStanding((await world.deployment(name)).status?.conditions, READY, 'Deployed'),
      );
  });
  afterAll(() => world?.stop());

  const coppice = (...args: string[]): Promise<CliResult> => runCli(world.api.kubeconfigPath, ...args);
  const names = async () => (await world.appliances()).map(({ metadata }) => metadata.name).sort();
  /** The last table that was shown, each row as its cells. */
  const rowsOf = ({ stdout }: CliResult) =>
    (stdout.trim().split('\n\n').at(-1) ?? '').split('\n').map((line) => line.split(/ {2,}/));

  it('recall many tasks by a label, with a row for each service', async () => {
    const result = await coppice('recall', '-l', 'team=a', '--save', '--wait');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(rowsOf(result).map((row) => row.slice(0, 6))).toEqual([
      ['TASK', 'SERVICE', 'STATE', 'APPLIANCES', 'ANSWER', 'SAVED'],
      ...['one', 'two'].flatMap((task) =>
        ['web', 'db'].map((name) => [task, name, 'Recalled', '0', '0', '1']),
      ),
    ]);
    expect(await names()).toEqual(['three-db-0', 'three-web-0']);
    const { items } = await world.kube.list(TEMPLATES);
    const images = items
      .filter(({ spec }) => spec.recalled !== undefined)
      .map(({ metadata }) => metadata.name);
    expect(images.sort()).toEqual(['one-db-1', 'one-web-1', 'two-db-1', 'two-web-1']);
  });

  it('deploy one service of a recalled task again, and then all', async () => {
    expect(await coppice('redeploy', 'one', '--service', 'web', '--wait')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect((await names()).filter((name) => name.startsWith('one'))).toEqual(['one-web-0']);
    const result = await coppice('redeploy', 'one', 'two', '--wait');
    expect(rowsOf(result)[1]?.slice(0, 7)).toEqual([
      'one',
      'web',
      'Deployed',
      '1',
      '1',
      '1',
      'default/one-web-1',
    ]);
    expect(await names()).toHaveLength(6);
  });

  it('say what happens to the disks', async () => {
    const { stdout } = await coppice('recall', 'three', '--no-save');
    expect(stdout).toBe('task three: is being recalled; its VMs are removed with their disks.\n');
    await eventually('it is recalled', async () => expect(await names()).toHaveLength(4));
  });

  it.each<[string, string[], RegExp]>([
    ['no task', ['recall'], /name tasks, or select them by -l, and not both/],
    ['names and a label', ['recall', 'one', '-l', 'team=a'], /and not both/],
    ['a task that is not there', ['recall', 'four'], /there is no task four in namespace default/],
    [
      'labels that no task has',
      ['recall', '-l', 'team=b'],
      /no task in namespace default has the labels team=b/,
    ],
    [
      'a service that is not there',
      ['recall', 'one', '--service', 'wep'],
      /no service wep: its services are web, db/,
    ],
  ])('refuse %s, and change nothing', async (_, args, sentence) => {
    const { code, stderr } = await coppice(...args);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(sentence);
    expect((await world.deployment('one')).spec.state).toBe('Deployed');
  });

  it('give up waiting after the time that is given, and say what is in the way', async () => {
    await world.daemons.stop('host-a');
    const { code, stderr, stdout } = await coppice('recall', 'one', '--save', '--wait', '--timeout', '3');
    expect(code).toBe(1);
    expect(stderr).toMatch(/not done after 3 s: one; the operator goes on/);
    expect(stdout).toMatch(/one +web +Recalling/);
    await world.daemons.restart('host-a');
  });
});

import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import { servingAt, streamsServer } from '../../kubernetes/streams.ts';
import { eventually } from '../operator/eventually.ts';
import { scaleShop, shopDeployed } from '../operator/shop.ts';
import { World } from '../operator/world.ts';
import { type CliResult, runCli } from './run.ts';

type Printed = {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly items: Printed[];
};

describe('the commands for appliances', () => {
  let world: World;

  beforeAll(async () => {
    const streams = await streamsServer();
    world = await World.start({ streams });
    await world.addHost('host-a');
    await world.startOperator({ streams: servingAt(streams) });
    await world.addTemplate('debian');
    await world.deploy('shop', { replicas: 2 });
    await world.addAppliance('alone');
    await shopDeployed(world, 2);
    // Whoever edits a label does not make an appliance one of the task.
    await world.kube.patch(
      VIRTUAL_APPLIANCES,
      { namespace: 'default', name: 'alone' },
      { metadata: { labels: { 'coppice.dev/service-deployment': 'shop' } } },
    );
  });
  afterAll(() => world?.stop());

  const coppice = (...args: readonly string[]): Promise<CliResult> =>
    runCli(world.api.kubeconfigPath, ...args);
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await coppice(...args);
    expect({ code, stderr }, args.join(' ')).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  const lines = (text: string) => text.trimEnd().split('\n');
  const names = async (...args: readonly string[]) =>
    lines(await ok('get', ...args, '-o', 'name')).map((line) =>
      line.replace('virtualappliance.coppice.dev/', ''),
    );

  it('get takes no name, names of both forms, and a task, whose appliances its owner references tell', async () => {
    expect(await names()).toEqual(['alone', 'shop-web-0', 'shop-web-1']);
    expect(await names('sd/shop')).toEqual(['shop-web-0', 'shop-web-1']);
    expect(await names('va/shop-web-1', 'alone', 'shop-web-1')).toEqual(['shop-web-1', 'alone']);
    // What -o name prints is taken as it is.
    expect(await names('virtualappliance.coppice.dev/alone')).toEqual(['alone']);
  });

  it('get prints tables, and JSON and YAML as kubectl does', async () => {
    expect(lines(await ok('get', 'shop-web-0'))).toHaveLength(2);
    expect(lines(await ok('get', '-A', '-o', 'wide'))[0]).toMatch(/ STEPS +TEMPLATE .* CREATED$/);
    const one = JSON.parse(await ok('get', 'va/shop-web-0', '-o', 'json')) as Printed;
    expect(one).toMatchObject({ kind: 'VirtualAppliance', metadata: { name: 'shop-web-0' } });
    expect(one.metadata).not.toHaveProperty('managedFields');
    const list = load(await ok('get', 'sd/shop', '-o', 'yaml')) as Printed;
    expect(list.kind).toBe('List');
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['shop-web-0', 'shop-web-1']);
  });

  it('get prints what exists and an error for each name that does not', async () => {
    const { code, stdout, stderr } = await coppice('get', 'nobody', 'alone', 'sd/nothing', '-o', 'name');
    expect(code).toBe(1);
    expect(stdout).toBe('virtualappliance.coppice.dev/alone\n');
    expect(stderr).toMatch(/error: .*"nobody" not found/);
    expect(stderr).toMatch(/error: .*"nothing" not found/);
    expect(await coppice('get', 'nobody', '-o', 'json')).toMatchObject({ code: 1, stdout: '' });
  });

  it.each([
    [['get', 'pod/x'], "'pod' is neither kind"],
    [['get', 'alone', '-A'], 'a name is looked for in one namespace'],
    [['get', '-o', 'xml'], 'Allowed choices are json, yaml, name, wide'],
    [['describe', 'default/alone'], 'a namespace is named with -n'],
    [['logs', 'sd/nothing'], '"nothing" not found'],
    [['console', 'va/nobody'], '"nobody" not found'],
  ])('%j is refused with what to do', async (args, message) => {
    const { code, stdout, stderr } = await coppice(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('describe takes both forms, and describes each appliance of a task', async () => {
    expect(await ok('describe', 'va/alone')).toMatch(/^Name: +default\/alone\n/);
    const text = await ok('describe', 'sd/shop');
    expect(text.match(/^Name: .*$/gm)).toEqual([
      expect.stringMatching(/default\/shop-web-0$/),
      expect.stringMatching(/default\/shop-web-1$/),
    ]);
  });

  it('logs take both forms, and of a task its first appliance', async () => {
    const direct = await ok('logs', 'shop-web-0');
    expect(direct).toContain('simulated');
    expect(await ok('logs', 'va/shop-web-0')).toBe(direct);
    const ofTask = await coppice('logs', 'sd/shop');
    expect(ofTask).toMatchObject({ code: 0, stdout: direct });
    expect(ofTask.stderr).toContain('has 2 appliances; this is va/shop-web-0.');
  });

  it('a task without appliances is no error for get, and one for logs', async () => {
    await scaleShop(world, 0);
    await eventually('no appliance is left', async () => {
      const { stdout } = await coppice('get', 'sd/shop');
      expect(stdout).toBe('No appliances of shop in namespace default.\n');
    });
    expect((await coppice('logs', 'sd/shop')).stderr).toContain('task default/shop has no appliances');
    expect(await ok('get', 'sd/shop', '-o', 'name')).toBe('');
  });
});

describe('coppice version', () => {
  it('shows both versions, or that no server answers', async () => {
    const world = await World.start();
    const run = (...args: readonly string[]) => runCli(world.api.kubeconfigPath, 'version', ...args);
    try {
      const { gitVersion } = (await world.kube.getRaw('/version')) as { gitVersion: string };
      const { code, stdout } = await run();
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Client: \d+\.\d+\.\d+ \(Node v\d+.*\)\nServer: /);
      expect(stdout).toContain(`\nServer: ${gitVersion}\n`);
      expect(JSON.parse((await run('-o', 'json')).stdout)).toMatchObject({ serverVersion: { gitVersion } });
      const client = JSON.parse((await run('--client', '-o', 'json')).stdout) as object;
      expect(Object.keys(client)).toEqual(['clientVersion']);
    } finally {
      await world.stop();
    }
    const gone = await run();
    expect(gone).toMatchObject({ code: 0, stderr: '' });
    expect(gone.stdout).toMatch(/^Client: .*\nServer: unknown: /);
  });
});

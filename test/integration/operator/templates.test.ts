import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TEMPLATES, type Template } from '../../../src/api/kinds.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import { expectStanding, READY, RECONCILING, STALLED } from '../../expectations/conditions.ts';
import { MisbehavingServer, serving } from '../hostd/misbehaving-server.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

describe('a template', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
  });
  afterEach(async () => {
    if (!world.hasOperator()) await world.startOperator();
    await world.clear();
    await world.stopOperator();
  });
  afterAll(() => world.stop());

  const template = (name: string): Promise<Template> =>
    world.kube.get(TEMPLATES, { namespace: 'default', name });
  const says = (name: string, standing: typeof READY, reason: string) =>
    eventually(`template ${name} says ${reason}`, async () =>
      expectStanding((await template(name)).status?.conditions, standing, reason),
    );

  /** A template of an image with these bytes. */
  async function add(name: string, content: string | Buffer): Promise<void> {
    const path = join(world.directory, `${name}.bytes`);
    await writeFile(path, content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    await world.addTemplate(name, { spec: { source: { image: { url: pathToFileURL(path).href, sha256 } } } });
  }

  it('is Ready when a host has its image, and not before, though nobody uses it', async () => {
    await world.startOperator();
    await world.removeHost('host-a');
    await world.addTemplate('debian');
    await says('debian', RECONCILING, 'NoHosts');
    await world.addHost('host-a');
    await says('debian', READY, 'Available');
    expect((await template('debian')).status).toMatchObject({ hostsReady: 1 });
  });

  it.each([
    ['a web page', '<!DOCTYPE html><html><body>Not found</body></html>', /web page/],
    ['packed twice', gzipSync(gzipSync(aBootableDisk('packed'))), /gzip file with a gzip file in it/],
    ['nothing', '', /empty file/],
  ])('of an image that is %s says so, and so do appliances', async (_name, content, message) => {
    await world.startOperator();
    await add('debian', content);
    await world.addAppliance('web');
    expect(await says('debian', STALLED, 'ImageInvalid')).toMatch(message);
    await eventually('the appliance says so', async () => {
      const { status } = await world.appliance('web');
      expect(JSON.stringify(status?.conditions)).toMatch(message);
    });
  });

  it('tells how far its import is, until it is there', async () => {
    const content = aBootableDisk('slow', 64 * 1024);
    const half = content.length / 2;
    const server = await MisbehavingServer.start();
    server.answer((_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, half));
    });
    try {
      await world.startOperator();
      const sha256 = createHash('sha256').update(content).digest('hex');
      await world.addTemplate('debian', {
        spec: { source: { image: { url: server.url('/slow'), sha256 } } },
      });
      await eventually('half of it is there', async () =>
        expect((await template('debian')).status?.import).toMatchObject({
          host: 'host-a',
          phase: 'Fetching',
          fetchedBytes: half,
          totalBytes: content.length,
          percent: 50,
        }),
      );
      server.answer(serving(content));
      server.breakConnections();
      await says('debian', READY, 'Available');
      expect((await template('debian')).status?.import).toBeUndefined();
    } finally {
      await server.close();
    }
  });

  it('is imported once more when the only host that has it is away, and used all the same', async () => {
    await world.startOperator();
    await world.addHost('host-big', { memoryBytes: 64 * 1024 ** 3 });
    await world.addTemplate('debian');
    await says('debian', READY, 'Available');
    const { layers } = (await template('debian')).status ?? {};
    expect(await world.daemons.layersOn('host-big')).toEqual([layers?.disk]);
    await world.daemons.stop('host-big');
    try {
      await world.addAppliance('web', { placement: { hosts: ['host-a'] } });
      await eventually('it answers', async () =>
        expectStanding((await world.appliance('web')).status?.conditions, READY, 'ServiceAvailable'),
      );
      expect((await template('debian')).status?.layers).toEqual(layers);
    } finally {
      await world.daemons.restart('host-big');
    }
    await world.removeAppliance('web');
    await world.removeHost('host-big');
  });

  it('keeps its conditions when the operator is replaced, whatever they say', async () => {
    await world.startOperator();
    await world.addTemplate('debian');
    await add('broken', 'no image');
    await says('debian', READY, 'Available');
    await says('broken', STALLED, 'ImageInvalid');
    const conditions = async () =>
      await Promise.all(['debian', 'broken'].map(async (name) => (await template(name)).status?.conditions));
    const before = await conditions();
    const seen: unknown[] = [];
    await world.stopOperator();
    await world.startOperator();
    await world.addTemplate('other');
    await eventually('the new operator works', async () => {
      seen.push(await conditions());
      expectStanding((await template('other')).status?.conditions, READY, 'Available');
    });
    seen.push(await conditions());
    for (const one of seen) expect(one).toEqual(before);
  });

  it('and a task of its series may be created together', async () => {
    await world.startOperator();
    const spec = { series: 'debian', version: '1' };
    await Promise.all([
      world.deploy('shop', { template: { series: 'debian' } }),
      world.addTemplate('debian', { spec }),
    ]);
    await eventually('the task is deployed', async () => {
      expectStanding((await world.deployment('shop')).status?.conditions, READY, 'Deployed');
    });
  });
});

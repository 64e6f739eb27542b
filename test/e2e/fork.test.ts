import { afterAll, beforeAll, expect, it } from 'vitest';
import { VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, fetchText, manifest } from './tasks.ts';

const MINE = { namespace: 'default' };
/** Serves what it drew when it started, which is in memory alone. */
const SERVE = `mkdir -p /run/w && cat /proc/sys/kernel/random/uuid >/run/w/index.html
exec busybox httpd -f -p 8080 -h /run/w`;

/** One story: each test finds what the one before it left. */
describeUnless(noQemu, 'coppice fork', () => {
  let coppice: Coppice;
  let drawn: string;

  beforeAll(async () => {
    coppice = await Coppice.up('--hosts', '1');
    const { items } = await coppice.client.list(VIRTUAL_APPLIANCES, MINE);
    expect(items).toEqual([]);
    const spec = {
      template: { name: await templateName(), namespace: 'coppice-system' },
      resources: { cpu: '50m', memory: '96Mi' },
      parameters: { command: ['sh', '-c', SERVE], env: { WHO: 'source' }, probe: { http: { path: '/' } } },
    };
    await apply(coppice, manifest('VirtualAppliance', 'source', spec));
    drawn = await served('source');
  });
  afterAll(() => coppice?.close());

  const templateName = async () => {
    const list = await coppice.run('templates', '-n', 'coppice-system');
    return /minimal-command-\S+/.exec(list)?.[0] ?? '';
  };
  const appliance = (name: string) => coppice.client.get(VIRTUAL_APPLIANCES, { name, ...MINE });
  const served = (name: string) =>
    coppice.eventually(`${name} is Ready and answers`, async () => {
      const { status } = await appliance(name);
      expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
      return await fetchText(status?.accessPoints?.[0] ?? '');
    });

  it('makes appliances whose service runs on from one moment, while its source does, too', async () => {
    const before = await coppice.vms();
    const output = await coppice.run('fork', 'va/source', 'more', '--count', '2');
    expect(output).toContain('Appliance default/more-1 is made.');
    for (const name of ['more-0', 'more-1']) {
      expect(await served(name)).toBe(drawn);
      expect(await coppice.run('exec', name, '--', 'hostname')).toBe(`${name}\n`);
      expect((await appliance(name)).status?.start).toEqual({ from: 'Checkpoint', template: 'more' });
    }
    expect(await coppice.vms()).toEqual(expect.arrayContaining([...before]));
    expect(await served('source')).toBe(drawn);
  });

  it('starts the service of a child again once something of it is declared otherwise', async () => {
    const { spec } = await appliance('more-1');
    const parameters = { ...spec.parameters, env: { WHO: 'child' } };
    await coppice.client.patch(VIRTUAL_APPLIANCES, { name: 'more-1', ...MINE }, { spec: { parameters } });
    await coppice.eventually('it has drawn again', async () =>
      expect(await served('more-1')).not.toBe(drawn),
    );
    expect(await served('more-0')).toBe(drawn);
  });

  it('is done once, however often it is asked for, and takes no other appliance for its own', async () => {
    const output = await coppice.run('fork', 'source', 'more', '--count', '2');
    expect(output).toContain('Appliance default/more-0 is there.');
    await expect(coppice.run('fork', 'more-0', 'more')).rejects.toThrow(/is of something else/);
    await expect(coppice.run('fork', 'nobody', 'any')).rejects.toThrow(/default\/nobody does not exist/);
    await expect(coppice.run('fork', 'more-0', 'again')).rejects.toThrow(
      /continues from a checkpoint on a disk/,
    );
  });
});

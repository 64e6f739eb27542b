import { afterAll, beforeAll, expect, it } from 'vitest';
import { CONDITION_READY, findCondition } from '../../src/api/conditions.ts';
import { TEMPLATES, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, aTask, manifest, minimalSpec, untilServed } from './tasks.ts';

const MINE = { namespace: 'default' };
/** The id of the machine that is saved. */
const MACHINE = 'cafe'.repeat(8);

/** One story: each test finds what the one before it left. */
describeUnless(noQemu, 'coppice template save', () => {
  let coppice: Coppice;
  let source: VirtualAppliance;

  beforeAll(async () => {
    coppice = await Coppice.up('--hosts', '2');
    await apply(coppice, aTask('hello'));
    const [made] = await untilServed(coppice, 'hello', 1, 'grown\n');
    source = made as VirtualAppliance;
  });
  afterAll(() => coppice?.close());

  const inGuest = (name: string, script: string) => coppice.run('exec', name, '--', 'sh', '-c', script);
  const template = (name: string) => coppice.client.get(TEMPLATES, { name, ...MINE });
  /** An appliance on a template, on the host that does not have its source. */
  const applianceOn = async (name: string, on: string) => {
    const hostName = source.spec.hostName === 'host-a' ? 'host-b' : 'host-a';
    await apply(coppice, manifest('VirtualAppliance', name, { template: { name: on }, hostName }));
    await untilServes(name);
  };
  const untilServes = (name: string) =>
    coppice.eventually(`${name} serves`, async () => {
      const { status } = await coppice.client.get(VIRTUAL_APPLIANCES, { name, ...MINE });
      expect(status?.serviceState).toBe('ServiceAvailable');
    });
  const readyOf = async (name: string) =>
    findCondition((await template(name)).status?.conditions, CONDITION_READY);

  it('makes a template of a VM that runs on, and another host has what was written', async () => {
    await inGuest(source.metadata.name, `echo one >/srv/kept; echo ${MACHINE} >/etc/machine-id`);
    const output = await coppice.run('template', 'save', `va/${source.metadata.name}`, 'golden');
    expect(output).toContain('Template default/golden is Ready.');
    const { status } = await template('golden');
    expect(status).toMatchObject({
      depth: 2,
      parent: { namespace: 'coppice-system', name: source.spec.template.name },
    });
    await applianceOn('grown-again', 'golden');
    expect(await inGuest('grown-again', 'cat /srv/kept')).toBe('one\n');
    const machine = await inGuest('grown-again', 'cat /etc/machine-id');
    expect(machine).toMatch(/^[0-9a-f]{32}\n$/);
    expect(machine.trim()).not.toBe(MACHINE);
    expect(await inGuest(source.metadata.name, 'cat /srv/kept')).toBe('one\n');
  });

  it('goes on where it was when operator and daemon are killed, and grows on what was saved', async () => {
    await inGuest('grown-again', 'echo two >>/srv/kept');
    await coppice.run('template', 'save', 'grown-again', 'golden-2', '--no-wait');
    for (const part of ['operator', 'host-a', 'host-b']) await coppice.kill(part);
    await coppice.run('up');
    await coppice.eventually('it is Ready', async () =>
      expect(await readyOf('golden-2')).toMatchObject({ status: 'True' }),
    );
    expect((await template('golden-2')).status).toMatchObject({
      depth: 3,
      parent: { namespace: 'default', name: 'golden' },
    });
    await untilServes('grown-again');
  });

  it('flattens what was saved: one layer has all, and needs none of the others', async () => {
    const output = await coppice.run('template', 'flatten', 'golden-2', 'flat');
    expect(output).toContain('Template default/flat is Ready.');
    const { status } = await template('flat');
    expect([status?.depth, status?.parent]).toEqual([1, undefined]);
    await applianceOn('on-flat', 'flat');
    expect(await inGuest('on-flat', 'cat /srv/kept')).toBe('one\ntwo\n');
    await coppice.client.delete(VIRTUAL_APPLIANCES, { name: 'on-flat', ...MINE });
    await coppice.client.delete(TEMPLATES, { name: 'flat', ...MINE });
  });

  it('is named by the template that it holds, and gives what it holds free', async () => {
    await coppice.client.delete(TEMPLATES, { name: 'golden', ...MINE });
    await coppice.eventually('it says who holds it', async () =>
      expect(await readyOf('golden')).toMatchObject({
        reason: 'InUse',
        message: expect.stringContaining(
          '1 template (default/golden-2) and 1 appliance (default/grown-again)',
        ),
      }),
    );
    await coppice.client.delete(TEMPLATES, { name: 'golden-2', ...MINE });
    await coppice.client.delete(VIRTUAL_APPLIANCES, { name: 'grown-again', ...MINE });
    await coppice.eventually('both are gone', async () => {
      const { items } = await coppice.client.list(TEMPLATES, MINE);
      expect(items.map(({ metadata }) => metadata.name)).toEqual([]);
    });
  });

  it('says what is wrong: no such appliance, another template of the name, an appliance that went', async () => {
    await expect(coppice.run('template', 'save', 'va/nobody', 'none')).rejects.toThrow(
      /appliance default\/nobody does not exist/,
    );
    await coppice.run('template', 'save', source.metadata.name, 'taken');
    const { guest, container } = await minimalSpec(coppice);
    const of = { name: source.metadata.name, uid: 'another' };
    await apply(coppice, manifest('Template', 'gone', { source: { appliance: of }, guest, container }));
    await coppice.eventually('it says that the appliance is gone', async () =>
      expect(await readyOf('gone')).toMatchObject({
        status: 'False',
        reason: 'ApplianceGone',
        message: expect.stringContaining(`appliance default/${source.metadata.name} does not exist`),
      }),
    );
    await expect(coppice.run('template', 'save', source.metadata.name, 'gone')).rejects.toThrow(
      /template default\/gone exists, and is of something else/,
    );
  });
});

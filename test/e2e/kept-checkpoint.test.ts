import { afterAll, beforeAll, expect, it } from 'vitest';
import { TEMPLATES, type Template, VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import { EVENTS } from '../../src/kube/events/event-record.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { isQemu, processesNaming } from './processes.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, manifest } from './tasks.ts';

const MINE = { namespace: 'default' };
const SMALL = { cpu: '50m', memory: '96Mi' };
const KEPT = 'kept-checkpoint-1x96';

/** One story: each test finds what the one before it left. */
describeUnless(noQemu, 'a template that keeps a checkpoint', () => {
  let coppice: Coppice;

  beforeAll(async () => {
    coppice = await Coppice.up('--hosts', '1');
    const { items } = await coppice.client.list(TEMPLATES, { namespace: 'coppice-system' });
    const { source, guest, container } = items.find(({ spec }) => spec.series === 'minimal')?.spec ?? {};
    const checkpoint = { enabled: true, sizes: [SMALL] };
    await apply(coppice, manifest('Template', 'kept', { source, guest, container, checkpoint }));
  });
  afterAll(() => coppice?.close());

  const template = (): Promise<Template> => coppice.client.get(TEMPLATES, { name: 'kept', ...MINE });
  const names = async () =>
    (await coppice.client.list(TEMPLATES, MINE)).items.map(({ metadata }) => metadata.name).sort();
  const appliance = (name: string) => coppice.client.get(VIRTUAL_APPLIANCES, { name, ...MINE });
  const grow = async (name: string, resources = SMALL) => {
    const files = { 'index.html': `${name}\n` };
    const spec = { template: { name: 'kept' }, start: { from: 'Checkpoint' }, resources };
    await apply(coppice, manifest('VirtualAppliance', name, { ...spec, package: { inline: { files } } }));
    return await coppice.eventually(`${name} serves its page`, async () => {
      const found = await appliance(name);
      const [url] = found.status?.accessPoints ?? [];
      expect(await (await fetch(url ?? '')).text()).toBe(`${name}\n`);
      return found;
    });
  };
  const continues = async (name: string) => {
    const { uid = '' } = (await appliance(name)).metadata;
    return (await processesNaming(uid)).filter(isQemu).some(({ argv }) => argv.includes('-incoming'));
  };
  const untilReady = () =>
    coppice.eventually('the checkpoint is Ready, and its appliance gone', async () => {
      expect((await template()).status?.checkpoints).toEqual([{ name: KEPT, state: 'Ready' }]);
      expect(await coppice.vms()).toEqual([]);
      expect((await coppice.client.list(VIRTUAL_APPLIANCES, MINE)).items).toEqual([]);
    });

  it('has it made, though the operator is killed while the appliance boots', async () => {
    await coppice.eventually('it boots', async () => expect(await coppice.vms()).toHaveLength(1));
    await coppice.kill('operator');
    await untilReady();
    expect(await names()).toEqual(['kept', KEPT]);
  });

  it('lets appliances of its size continue, each with its own page', async () => {
    for (const name of ['one', 'two']) {
      const { status } = await grow(name);
      expect(status?.start).toEqual({ from: 'Checkpoint', template: KEPT });
      expect(await continues(name)).toBe(true);
      expect(await coppice.run('exec', name, '--', 'hostname')).toBe(`${name}\n`);
    }
  });

  it('has one of another size boot, which says why', async () => {
    const { status } = await grow('larger', { cpu: '50m', memory: '128Mi' });
    const why = expect.stringContaining('keeps no checkpoint of 50m CPU and 128Mi');
    expect(status?.start).toEqual({ from: 'ColdBoot', message: why });
    expect(await continues('larger')).toBe(false);
    await coppice.eventually('an Event says so', async () =>
      expect((await coppice.client.list(EVENTS, MINE)).items).toContainEqual(
        expect.objectContaining({ reason: 'CheckpointUnusable', message: why }),
      ),
    );
  });

  it('stays with its checkpoint as long as an appliance stands on it, and then goes with it', async () => {
    await coppice.client.delete(TEMPLATES, { name: 'kept', ...MINE });
    await coppice.client.delete(VIRTUAL_APPLIANCES, { name: 'two', ...MINE });
    await coppice.client.delete(VIRTUAL_APPLIANCES, { name: 'larger', ...MINE });
    await coppice.eventually('only one stands on it', async () =>
      expect(await coppice.vms()).toHaveLength(1),
    );
    expect(await names()).toEqual(['kept', KEPT]);
    const [url = ''] = (await appliance('one')).status?.accessPoints ?? [];
    expect(await (await fetch(url)).text()).toBe('one\n');
    await coppice.client.delete(VIRTUAL_APPLIANCES, { name: 'one', ...MINE });
    await coppice.eventually('all is gone', async () => expect(await names()).toEqual([]));
  });
});

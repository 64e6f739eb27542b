import { afterAll, beforeAll, expect, it } from 'vitest';
import { TEMPLATES, VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { isQemu, processesNaming } from './processes.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, manifest } from './tasks.ts';

const MINE = { namespace: 'default' };
const SMALL = { cpu: '50m', memory: '96Mi' };
const SYSTEM = 'coppice-system';

/** One story: each test finds what the one before it left. */
describeUnless(noQemu, 'a template with the memory of an appliance', () => {
  let coppice: Coppice;
  let template: object;

  beforeAll(async () => {
    coppice = await Coppice.up('--hosts', '2');
    const { items } = await coppice.client.list(TEMPLATES, { namespace: SYSTEM });
    const minimal = items.find(({ spec }) => spec.series === 'minimal');
    template = { name: minimal?.metadata.name, namespace: SYSTEM };
    await grow('source', { template });
  });
  afterAll(() => coppice?.close());

  const page = (text: string) => ({ inline: { files: { 'index.html': `${text}\n` } } });
  const appliance = (name: string) => coppice.client.get(VIRTUAL_APPLIANCES, { name, ...MINE });
  /** Applies an appliance and waits until it serves its own page; resolves with it. */
  const grow = async (name: string, spec: object) => {
    const own = { resources: SMALL, package: page(name), ...spec };
    await apply(coppice, manifest('VirtualAppliance', name, own));
    return await coppice.eventually(`${name} serves its page`, async () => {
      const found = await appliance(name);
      const [url] = found.status?.accessPoints ?? [];
      expect(await (await fetch(url ?? '')).text()).toBe(`${name}\n`);
      return found;
    });
  };
  const inGuest = (name: string, script: string) => coppice.run('exec', name, '--', 'sh', '-c', script);
  const stepOf = async (name: string, step: string) =>
    (await appliance(name)).status?.steps?.find((each) => each.name === step);
  const continues = async (name: string) => {
    const { uid = '' } = (await appliance(name)).metadata;
    return (await processesNaming(uid)).filter(isQemu).some(({ argv }) => argv.includes('-incoming'));
  };

  it('is saved, and the appliance runs on', async () => {
    const before = await coppice.vms();
    const output = await coppice.run('template', 'save', 'va/source', 'warm', '--memory');
    expect(output).toContain('Template default/warm is Ready.');
    const { status } = await coppice.client.get(TEMPLATES, { name: 'warm', ...MINE });
    expect(status).toMatchObject({
      depth: 2,
      layers: { memory: expect.any(String), state: expect.any(String) },
    });
    expect(await coppice.vms()).toEqual(before);
    const [url = ''] = (await appliance('source')).status?.accessPoints ?? [];
    expect(await (await fetch(url)).text()).toBe('source\n');
  });

  it.each(['host-a', 'host-b'])(
    'lets appliances on %s continue, each a machine of its own',
    async (hostName) => {
      const name = `warm-on-${hostName}`;
      await grow(name, { template: { name: 'warm' }, start: { from: 'Checkpoint' }, hostName });
      expect(await continues(name)).toBe(true);
      expect(await stepOf(name, 'Clone')).toMatchObject({ state: 'Done' });
      const { uid } = (await appliance(name)).metadata;
      expect(await inGuest(name, 'hostname')).toBe(`${name}\n`);
      expect(await inGuest(name, 'cat /etc/coppice/identity')).toContain(`uuid=${uid}\n`);
    },
  );

  it('has an appliance of another size boot, which says why', async () => {
    const resources = { cpu: '50m', memory: '128Mi' };
    await grow('larger', { template: { name: 'warm' }, start: { from: 'Checkpoint' }, resources });
    expect(await continues('larger')).toBe(false);
    expect((await stepOf('larger', 'Start'))?.message).toContain(
      'it was saved with memory 100663296, here 134217728',
    );
  });

  it('keeps processes running, and runs the guest’s hooks, where the template says so', async () => {
    const hook = 'echo "$COPPICE_HOSTNAME $COPPICE_UUID" >/run/told';
    await inGuest(
      'source',
      `mkdir -p /etc/coppice/on-clone.d && cd /etc/coppice/on-clone.d &&
      printf '#!/bin/sh\\n%s\\n' '${hook}' >tell && chmod +x tell && (sleep 86400 </dev/null >/dev/null 2>&1 &)`,
    );
    const source = { appliance: { name: 'source', memory: true } };
    await apply(coppice, manifest('Template', 'hooked', { source, guest: { onClone: 'Hook' } }));
    const { metadata } = await grow('told', { template: { name: 'hooked' }, start: { from: 'Checkpoint' } });
    expect(await continues('told')).toBe(true);
    expect(await inGuest('told', 'cat /run/told')).toBe(`told ${metadata.uid}\n`);
    expect(await inGuest('told', 'busybox grep -l "8640[0]" /proc/[0-9]*/cmdline | wc -l')).toBe('1\n');
  });

  it('says what is wrong: a VM whose memory cannot be saved, and a template for others', async () => {
    await expect(coppice.run('template', 'save', 'warm-on-host-a', 'none', '--memory')).rejects.toThrow(
      /was not forked, because it continues from a checkpoint on a disk/,
    );
    const source = { appliance: { name: 'source', memory: true } };
    const shared = manifest('Template', 'shared', { source, sharing: { scope: 'Cluster' } });
    await expect(apply(coppice, shared)).rejects.toThrow(/cannot be shared with other namespaces/);
  });
});

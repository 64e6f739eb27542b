import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, aTask, fetchText, untilServed, urlOf } from './tasks.ts';

type PowerState = VirtualAppliance['spec']['powerState'];
/** The boot of the guest, and a process of it that lives. */
const WHO = 'cat /proc/sys/kernel/random/boot_id /run/kept && kill -0 $(cat /run/kept)';
const NAME = { name: 'site-web-0', namespace: 'default' };

/** One story: each test finds what the one before it left. */
describeUnless(noQemu, 'an appliance that is suspended', () => {
  let coppice: Coppice;
  let who: string;

  beforeAll(async () => {
    coppice = await Coppice.up('--hosts', '1');
    await apply(coppice, aTask('site'));
    await untilServed(coppice, 'site', 1, 'grown\n');
    await inGuest('sleep 86400 </dev/null >/dev/null 2>&1 & echo $! >/run/kept');
    who = await inGuest(WHO);
  });
  afterAll(() => coppice?.close());

  const appliance = () => coppice.client.get(VIRTUAL_APPLIANCES, NAME);
  const inGuest = (script: string) => coppice.run('exec', NAME.name, '--', 'sh', '-c', script);
  const power = (powerState: PowerState) =>
    coppice.client.patch(VIRTUAL_APPLIANCES, NAME, { spec: { powerState } });
  const untilReason = (reason: string) =>
    coppice.eventually(`it is ${reason}`, async () => {
      const { status, metadata } = await appliance();
      expect(findCondition(status?.conditions, 'Ready')).toMatchObject({
        reason,
        observedGeneration: metadata.generation,
      });
    });
  const untilServes = () =>
    coppice.eventually('it serves its page', async () =>
      expect(await fetchText(urlOf(await appliance()))).toBe('grown\n'),
    );

  it('frees its memory, and stays suspended when everything is started again', async () => {
    await power('Suspended');
    await untilReason('Suspended');
    expect(await coppice.vms()).toEqual([]);
    expect((await appliance()).status?.vm?.state).toBe('Suspended');
    await coppice.run('down');
    await coppice.run('up');
    await untilReason('Suspended');
    expect(await coppice.vms()).toEqual([]);
  });

  it('goes on with its processes, at the same address, with the time of its host', async () => {
    const { status } = await appliance();
    await power('Running');
    await untilReason('ServiceAvailable');
    await untilServes();
    expect((await appliance()).status?.accessPoints).toEqual(
      expect.arrayContaining(status?.accessPoints ?? []),
    );
    expect(await inGuest(WHO)).toBe(who);
    const lateMs = Math.abs(Number(await inGuest('date +%s')) * 1000 - Date.now());
    expect(lateMs).toBeLessThan(60_000);
  });

  it('is shut down by its own guest when it is to stop, so that nothing is lost', async () => {
    await inGuest('echo not yet on the disk >/root/written');
    await power('Suspended');
    await untilReason('Suspended');
    await power('Stopped');
    await untilReason('Stopped');
    await power('Running');
    await untilServes();
    expect(await inGuest('cat /root/written; ls /run/kept 2>/dev/null || echo booted')).toBe(
      'not yet on the disk\nbooted\n',
    );
  });
});

import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { describeUnless } from '../skip.ts';
import { Coppice, type Vm } from './coppice.ts';
import { JsonSocket } from './json-socket.ts';
import { isQemu, killAndWait, processesNaming } from './processes.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, aTask, fetchText, untilServed, urlOf } from './tasks.ts';

/** One story: the same two VMs, one on each host, all the time. */
describeUnless(noQemu, 'a running VM', () => {
  let coppice: Coppice;
  let appliances: readonly VirtualAppliance[];
  let vms: readonly Vm[];

  const task = (text: string) =>
    aTask('site', { replicas: 2, package: { inline: { files: { 'index.html': text } } } });
  const expectServing = async (text: string) => {
    for (const appliance of appliances) expect(await fetchText(urlOf(appliance))).toBe(text);
  };
  /** Whether all of Coppice works: a change comes from the API by the operator and the daemons into the guests. */
  const expectWorking = async (text: string) => {
    await apply(coppice, task(text));
    const now = await untilServed(coppice, 'site', 2, text);
    expect(now.map(({ metadata }) => metadata.uid)).toEqual(appliances.map(({ metadata }) => metadata.uid));
    expect(now.map(urlOf)).toEqual(appliances.map(urlOf));
  };
  const uuidsOf = (some: readonly Vm[]) => some.map(({ uuid }) => uuid);

  beforeAll(async () => {
    coppice = await Coppice.up();
    await apply(coppice, task('first\n'));
    appliances = await untilServed(coppice, 'site', 2, 'first\n');
    vms = await coppice.vms();
    expect(uuidsOf(vms)).toEqual(appliances.map(({ metadata }) => metadata.uid).sort());
    expect(appliances.map(({ spec }) => spec.hostName).sort()).toEqual(['host-a', 'host-b']);
  });
  afterAll(() => coppice?.close());

  let served = 'first\n';
  it.each(['operator', 'host-a', 'api'])('survives SIGKILL of %s, which is started again', async (part) => {
    await coppice.kill(part);
    await expectServing(served);
    await coppice.eventually(`${part} runs again`, () => coppice.run('status'));
    await expectServing(served);
    served = `after ${part}\n`;
    await expectWorking(served);
    expect(await coppice.vms()).toEqual(vms);
  });

  it('runs on after `down --keep-vms`, and `up` takes it up again', async () => {
    await coppice.run('down', '--keep-vms');
    const left = await processesNaming(coppice.dataDir);
    expect(left.filter((process) => !isQemu(process))).toEqual([]);
    expect(await coppice.vms()).toEqual(vms);
    await expectServing(served);
    for (const appliance of appliances) await leaveMark(coppice, appliance);
    await coppice.run('up');
    await expectWorking('after --keep-vms\n');
    expect(await coppice.vms()).toEqual(vms);
    await expectMarks(appliances);
  });

  it('is shut down by `down` and started by `up`, with all that was on its disk', async () => {
    await coppice.run('down');
    expect(await processesNaming(coppice.dataDir)).toEqual([]);
    await coppice.run('up');
    await expectWorking('after down\n');
    await expectMarks(appliances);
    expect(uuidsOf(await coppice.vms())).toEqual(uuidsOf(vms));
  });

  it('comes back after everything was killed at once, as by a power failure', async () => {
    await Promise.all((await processesNaming(coppice.dataDir)).map(({ pid }) => killAndWait(pid)));
    expect(await coppice.vms()).toEqual([]);
    await coppice.run('up');
    await expectWorking('after a power failure\n');
    await expectMarks(appliances);
    expect(uuidsOf(await coppice.vms())).toEqual(uuidsOf(vms));
    expect(await coppice.overlays()).toEqual(uuidsOf(vms));
  });
});

/** Writes a file that no package has into the guest, while no daemon holds its agent. */
async function leaveMark({ layout }: Coppice, { metadata, spec }: VirtualAppliance): Promise<void> {
  const folder = join(layout.hostState(spec.hostName ?? ''), 'appliances', metadata.uid ?? '');
  const agent = await JsonSocket.connect(join(folder, 'agent.sock'));
  try {
    const handle = await agent.call('guest-file-open', { path: '/srv/www/mark.txt', mode: 'w' });
    const content = Buffer.from(markOf(metadata.name)).toString('base64');
    await agent.call('guest-file-write', { handle, 'buf-b64': content });
    await agent.call('guest-file-flush', { handle });
    await agent.call('guest-file-close', { handle });
  } finally {
    agent.close();
  }
}

async function expectMarks(appliances: readonly VirtualAppliance[]): Promise<void> {
  for (const appliance of appliances) {
    const found = await fetchText(new URL('mark.txt', urlOf(appliance)).href);
    expect(found).toBe(markOf(appliance.metadata.name));
  }
}

function markOf(name: string): string {
  return `${name} was here\n`;
}

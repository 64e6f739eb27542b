import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePorts } from '../kubernetes/processes.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { processesNaming } from './processes.ts';
import { noQemu } from './qemu/scene.ts';

const FIRST_LINE = 'Hello from a virtual machine grown by Coppice.';

/** One story: each run finds what the one before it left. */
describeUnless(noQemu, 'coppice demo', () => {
  let coppice: Coppice;
  let uuids: readonly string[];

  beforeAll(async () => {
    coppice = await Coppice.create();
  });
  afterAll(() => coppice?.close());

  const expectTable = (output: string) => {
    for (const replica of [0, 1]) {
      expect(output).toMatch(
        new RegExp(
          `hello/web +default/hello-web-${replica} +host-[ab] +ServiceAvailable +http://127\\.0\\.0\\.1:`,
        ),
      );
    }
    expect(output).toContain(`KUBECONFIG=${coppice.layout.kubeconfig}`);
  };
  const urlsOf = (output: string) =>
    [...output.matchAll(/^(http:\S+) {2}200 {2}(.*)$/gm)].map(([, url, line]) => ({ url, line }));

  it('--once goes from nothing to two VMs that answer, and ends all of it', async () => {
    const [port] = await freePorts(1);
    const output = await coppice.run('demo', '--once', '--api-port', `${port}`);
    expectTable(output);
    expect(urlsOf(output).map(({ line }) => line)).toEqual([FIRST_LINE, FIRST_LINE]);
    expect(await processesNaming(coppice.dataDir)).toEqual([]);
    uuids = await coppice.overlays();
    expect(uuids).toHaveLength(2);
  });

  it('interrupted while its VMs boot, it leaves nothing running and nothing lost', async () => {
    const demo = coppice.start('demo');
    await coppice.eventually('a VM is started', async () => expect(await coppice.vms()).not.toEqual([]));
    demo.interrupt();
    expect(await demo.ended).toMatchObject({ code: 0 });
    expect(await processesNaming(coppice.dataDir)).toEqual([]);
    expect(await coppice.overlays()).toEqual(uuids);
  });

  it('stays up until Ctrl-C, with the same VMs as before', async () => {
    const demo = coppice.start('demo');
    await coppice.eventually('it says that it keeps running', async () =>
      expect(demo.output()).toContain('Coppice runs until you press Ctrl-C'),
    );
    expectTable(demo.output());
    expect((await coppice.vms()).map(({ uuid }) => uuid)).toEqual(uuids);
    for (const { url } of urlsOf(demo.output())) {
      expect(await (await fetch(url ?? '')).text()).toContain(FIRST_LINE);
    }
    expect(await coppice.run('status')).toMatch(/operator +running/);
    demo.interrupt();
    expect(await demo.ended).toMatchObject({ code: 0 });
    expect(await processesNaming(coppice.dataDir)).toEqual([]);
  });
});

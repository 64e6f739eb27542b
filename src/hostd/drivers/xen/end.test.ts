import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeHost } from './testing/fake-host.ts';
import { changeState, readState } from './xl/testing/fake-xl.ts';

let xen: FakeHost;
beforeEach(async () => {
  xen = await FakeHost.make();
});
afterEach(() => xen.close());

describe('the end of a VM under Xen', () => {
  it('is noted when the guest powers off, and nothing of it is kept', async () => {
    await xen.driver.start(xen.vm);
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 30_000)).toBe(true);
    expect(readState(xen.root)).toMatchObject({
      domains: [],
      done: expect.arrayContaining(['shutdown -F 1']),
    });
    expect(await xen.state()).toBe('Stopped');
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 1000)).toBe(true);
  });

  it('is not waited for longer than asked when the guest is deaf, and can be had all the same', async () => {
    xen.expected('deaf');
    await xen.driver.start(xen.vm);
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 100)).toBe(false);
    expect(await xen.state()).toBe('Running');
    await xen.driver.destroy(xen.vm.uuid, xen.vm.directory);
    expect(readState(xen.root)).toMatchObject({ domains: [], done: expect.arrayContaining(['destroy 1']) });
    expect(await xen.state()).toBeUndefined();
  });

  it('is noted when the guest was faster than xl, which then waits in vain to be heard', async () => {
    xen.expected('hasty');
    await xen.driver.start(xen.vm);
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 3000)).toBe(true);
    expect(await xen.state()).toBe('Stopped');
  });

  it('is told from a crash, and from a domain that is gone with its host', async () => {
    await xen.driver.start(xen.vm);
    changeState(xen.root, { domains: [xen.aDomain({ id: 1, state: '---s--' })] });
    expect(await xen.driver.inspect(xen.vm.uuid, xen.vm.directory)).toMatchObject({
      state: 'Stopped',
      remains: true,
    });
    changeState(xen.root, { domains: [xen.aDomain({ id: 1, state: '---sc-' })] });
    xen.later();
    expect(await xen.driver.inspect(xen.vm.uuid, xen.vm.directory)).toMatchObject({
      state: 'Crashed',
      problem: { reason: 'GuestPanicked' },
    });
    changeState(xen.root, { domains: [] });
    xen.later();
    expect(await xen.state()).toBe('Crashed');
    await xen.driver.destroy(xen.vm.uuid, xen.vm.directory);
    expect(await xen.state()).toBeUndefined();
  });
});
